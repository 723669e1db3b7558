//! The page on 127.0.0.1 that gives a browser the session, once.

use std::{
    fs::File,
    io::Read as _,
    net::Ipv4Addr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::stack::data_dir::write_private;

/// A page that waits for the browser. Dropping it ends the server.
#[derive(Debug)]
pub(super) struct Handover {
    address: String,
    server: JoinHandle<()>,
}

/// What the page gives, to the first who asks.
#[derive(Debug)]
struct Gift {
    cookies: Vec<String>,
    console_url: String,
    used: oneshot::Sender<()>,
}

type Shared = Arc<Mutex<Option<Gift>>>;

impl Handover {
    /// Serves the page at an address that nobody can guess.
    pub(super) async fn start(cookies: Vec<String>, console_url: &str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("listening on 127.0.0.1")?;
        let port = listener
            .local_addr()
            .context("listening on 127.0.0.1")?
            .port();
        let path = format!("/{}", nonce()?);
        let (used, is_used) = oneshot::channel();
        let gift = Gift {
            cookies,
            console_url: console_url.to_owned(),
            used,
        };
        let router = Router::new()
            .route(&path, get(give))
            .with_state(Arc::new(Mutex::new(Some(gift))));
        let server = tokio::spawn(async move {
            let used = async {
                let _nobody_can_ask_any_more = is_used.await;
            };
            let server = axum::serve(listener, router).with_graceful_shutdown(used);
            let _why_it_ended = server.await;
        });
        Ok(Self {
            address: format!("http://127.0.0.1:{port}{path}"),
            server,
        })
    }

    /// Writes a page for the browser that leads to this one. Only its owner may read it.
    pub(super) fn write_link(&self, file: &Path) -> Result<()> {
        let page = redirect(&self.address);
        write_private(file, page.as_bytes())
    }

    /// Waits until a browser has received the page, after which the server ends.
    pub(super) async fn wait(mut self, limit: Duration) -> Result<()> {
        tokio::time::timeout(limit, &mut self.server)
            .await
            .context("no browser asked for the page in time")?
            .context("serving the page")
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn give(State(shared): State<Shared>) -> Response {
    let gift = shared.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Gift {
        cookies,
        console_url,
        used,
    }) = gift
    else {
        return (
            StatusCode::GONE,
            "This page works once. Run `cistern open` again.",
        )
            .into_response();
    };
    let mut headers = HeaderMap::new();
    for cookie in cookies {
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    let _nobody_waits = used.send(());
    // A page and no redirect: coming from a file, a redirect would count as another site's, for which browsers keep strict cookies back.
    (headers, redirect(&console_url)).into_response()
}

/// A page that leads on at once. The address is the stack's own.
fn redirect(address: &str) -> String {
    format!(
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\"><title>Cistern</title>\
         <meta http-equiv=\"refresh\" content=\"0; url={address}\"><a href=\"{address}\">Open the console</a>\n"
    )
}

/// 256 bits in hexadecimal.
fn nonce() -> Result<String> {
    let mut random = [0; 32];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut random))
        .context("reading random bytes")?;
    Ok(hex::encode(random))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::http;

    #[tokio::test]
    async fn the_session_is_given_to_the_first_who_knows_the_address() {
        let handover = Handover::start(
            vec!["session=planted; HttpOnly".to_owned()],
            "http://127.0.0.1:1/console",
        )
        .await
        .unwrap();
        let address = handover.address.clone();
        let client = http::client(Duration::from_secs(5)).unwrap();

        let guess = client.get(format!("{address}x")).send().await.unwrap();
        assert_eq!(guess.status(), StatusCode::NOT_FOUND);
        let first = client.get(&address).send().await.unwrap();
        assert_eq!(
            first.headers()[header::SET_COOKIE.as_str()],
            "session=planted; HttpOnly"
        );
        assert!(
            first
                .text()
                .await
                .unwrap()
                .contains("http://127.0.0.1:1/console")
        );
        // Either the page says that it is used, or nobody answers any more.
        if let Ok(second) = client.get(&address).send().await {
            assert_eq!(second.status(), StatusCode::GONE);
            assert!(second.headers().get(header::SET_COOKIE.as_str()).is_none());
        }
        handover.wait(Duration::from_secs(5)).await.unwrap();
    }

    #[tokio::test]
    async fn the_link_is_for_its_owner_and_holds_no_session() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("open.html");
        let handover = Handover::start(
            vec!["session=planted".to_owned()],
            "http://127.0.0.1:1/console",
        )
        .await
        .unwrap();

        handover.write_link(&file).unwrap();

        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert!(!std::fs::read_to_string(&file).unwrap().contains("planted"));
        let error = handover.wait(Duration::from_millis(10)).await.unwrap_err();
        assert!(error.to_string().contains("no browser"), "{error}");
    }
}
