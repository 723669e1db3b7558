use function_kit::capture::CapturedLog;
use tokio::net::TcpListener;

use crate::rig::{QUERY_ROUTE, Rig};

#[tokio::test]
async fn keys_are_in_no_log() {
    let log = CapturedLog::start();
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let rigs = [
        Rig::with_secret(r#"{"signing_key":"planted","query":"planted key"}"#).await,
        Rig::with_secret(r#""planted""#).await,
        Rig::without_secret(&format!("http://{closed}")).await,
    ];

    for rig in &rigs {
        for route in [QUERY_ROUTE, "GET /planted"] {
            for authorization in ["planted key", "Bearer planted wrong", "Basic planted"] {
                // Errors are checked too.
                let _ = rig.opens(route, authorization, 0).await;
            }
        }
    }

    let printed = log.text();
    for line in ["request allowed", "request denied", "keys cannot be read"] {
        assert!(printed.contains(line), "{line} is missing: {printed}");
    }
    assert!(!printed.contains("planted"), "{printed}");
}
