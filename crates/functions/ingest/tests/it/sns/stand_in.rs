//! SNS, as far as the function asks it.

use std::{
    future::IntoFuture as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Router, http::StatusCode, http::Uri};
use tokio::net::TcpListener;

/// Where its certificate is.
pub(super) const CERTIFICATE: &str = "/SimpleNotificationService-0123456789abcdef.pem";

pub(super) struct StandIn {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<String>>>,
    refuses: Arc<AtomicBool>,
}

impl StandIn {
    /// Serves a certificate, and takes confirmations.
    pub(super) async fn start(certificate: String) -> Self {
        Self::answering(StatusCode::OK, certificate).await
    }

    /// Gives this answer for the certificate.
    pub(super) async fn answering(status: StatusCode, certificate: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, refuses) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (seen, is_refusing): (Arc<Mutex<Vec<String>>>, _) =
            (Arc::clone(&asked), Arc::clone(&refuses));
        let router = Router::new().fallback(move |uri: Uri| async move {
            seen.lock().unwrap().push(uri.to_string());
            if is_refusing.load(Ordering::SeqCst) && uri.path() == "/" {
                (StatusCode::FORBIDDEN, String::new())
            } else if uri.path() == "/" {
                (StatusCode::OK, "<ConfirmSubscriptionResponse/>".to_owned())
            } else {
                (status, certificate)
            }
        });
        tokio::spawn(axum::serve(listener, router).into_future());
        Self {
            url,
            asked,
            refuses,
        }
    }

    pub(super) fn refuse_confirmations(&self) {
        self.refuses.store(true, Ordering::SeqCst);
    }

    /// The paths and queries of all requests.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}
