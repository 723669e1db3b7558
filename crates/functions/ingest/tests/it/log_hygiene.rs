use function_kit::capture::CapturedLog;
use tokio::net::TcpListener;

use crate::{
    keys::KEY,
    rig::{MAX_BODY_BYTES, Rig, request},
};

const PLANTED: [&str; 3] = ["planted@example.com", "planted-key", "planted-query"];

#[tokio::test]
async fn bodies_addresses_keys_and_queries_are_in_no_log() {
    let log = CapturedLog::start();
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let rigs = [
        Rig::open().await,
        Rig::before(&format!("http://{closed}")).await,
    ];
    let body = r#"[{"msys":{"track_event":{"rcpt_to":"planted@example.com"}}}]"#;
    let oversize = body.repeat(MAX_BODY_BYTES / body.len() + 1);

    for rig in &rigs {
        for (path, body) in [
            ("/webhooks/sparkpost", body),
            ("/webhooks/sparkpost", &oversize),
            ("/nowhere", body),
        ] {
            for encoding in ["identity", "gzip"] {
                for key in [KEY, "planted-key"] {
                    let headers = [("Authorization", key), ("Content-Encoding", encoding)];
                    rig.send(request(
                        "POST",
                        &format!("{path}?q=planted-query"),
                        &headers,
                        body.to_owned(),
                    ))
                    .await;
                }
            }
        }
    }

    let printed = [log.text(), rigs[0].metric_lines(), rigs[1].metric_lines()].concat();
    for line in [
        "batch acknowledged",
        "service unavailable",
        "request refused",
        "request denied",
        "stored as it came",
    ] {
        assert!(printed.contains(line), "{line} is missing: {printed}");
    }
    for planted in PLANTED {
        assert!(!printed.contains(planted), "{planted} was printed");
    }
}
