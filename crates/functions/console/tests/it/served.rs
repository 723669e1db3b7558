//! Serving stand-ins.

use axum::Router;
use tokio::net::TcpListener;

/// Serves from a port of this machine as long as the test runs; the origin.
pub(crate) async fn served(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}
