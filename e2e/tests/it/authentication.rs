//! Nothing answers without a key except the health check, and a key grants its own scope only.

use anyhow::{Result, ensure};

use crate::stack::Stack;

const QUERY_PATH: &str = "/api/v1/events/message";
const WEBHOOK_PATH: &str = "/webhooks/sparkpost";

async fn status(stack: &Stack, path: &str, authorization: Option<&str>) -> Result<u16> {
    let url = format!("{}{path}", stack.file.base_url);
    let mut request = if path == WEBHOOK_PATH {
        stack.http.post(url).body(r#"[{"msys":{}}]"#)
    } else {
        stack.http.get(url)
    };
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    Ok(request.send().await?.status().as_u16())
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {encoded}")
}

#[tokio::test]
async fn each_accepted_form_opens_its_own_route() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let routes = [
        (WEBHOOK_PATH, &stack.file.keys.sparkpost),
        (QUERY_PATH, &stack.file.keys.query),
    ];

    for (path, key) in routes {
        let forms = [
            key.clone(),
            format!("Bearer {key}"),
            basic("anyone", key),
            basic(key, ""),
        ];
        for (n, form) in forms.iter().enumerate() {
            let status = status(&stack, path, Some(form)).await?;
            ensure!(status == 200, "{path} answered {status} to form {n}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn missing_wrong_and_foreign_keys_are_refused() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;
    let routes = [
        (WEBHOOK_PATH, &stack.file.keys.query),
        (QUERY_PATH, &stack.file.keys.sparkpost),
    ];

    for (path, foreign) in routes {
        let missing = status(&stack, path, None).await?;
        ensure!(missing == 401, "{path} answered {missing} without a key");
        for wrong in [
            "wrong",
            "Bearer wrong",
            "Basic !!!",
            &foreign[..foreign.len() - 1],
        ] {
            let status = status(&stack, path, Some(wrong)).await?;
            // The gateway makes every denial of its authorizer a 403; the webhook distinguishes them itself.
            let expected = if path == WEBHOOK_PATH { 401 } else { 403 };
            ensure!(
                status == expected,
                "{path} answered {status} to a wrong key"
            );
        }
        let status = status(&stack, path, Some(foreign)).await?;
        ensure!(
            status == 403,
            "{path} answered {status} to the key of another scope"
        );
    }
    Ok(())
}

#[tokio::test]
async fn health_needs_no_key_and_tells_the_schema_version() -> Result<()> {
    let (stack, _weather) = Stack::shared().await?;

    let response = stack
        .http
        .get(format!("{}/healthz", stack.file.base_url))
        .send()
        .await?;

    ensure!(response.status() == 200);
    let body: serde_json::Value = serde_json::from_slice(&response.bytes().await?)?;
    ensure!(
        body["migration_version"]
            .as_i64()
            .is_some_and(|version| version > 20_250_000_000_000),
        "{body}"
    );
    Ok(())
}
