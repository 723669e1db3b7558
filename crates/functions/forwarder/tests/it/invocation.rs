//! The function as Lambda calls it.

use std::time::{Duration, SystemTime};

use aws_io::Aws;
use erasure::TombstoneList;
use event_model::Pipeline;
use forwarder::{Config, Deps, RunError, destination::http_client, handle};
use function_kit::{Env, metrics::Metrics};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::rig::{Rig, endpoint_url, now_s, screen_views, unique};

async fn deps(rig: &Rig, secret: &str, more: &[(&str, &str)]) -> Deps {
    let aws = Aws::local(&endpoint_url()).await;
    let secrets = aws.secrets();
    let created = secrets
        .create_secret()
        .name(unique("destination"))
        .secret_string(secret)
        .send()
        .await
        .unwrap();
    let pairs = [
        ("EVENTS_BUCKET", rig.bucket.as_str()),
        ("FORWARD_QUEUE_URL", rig.queue_url.as_str()),
        ("DESTINATION_SECRET_ARN", created.arn().unwrap()),
        ("DESTINATION_URL", rig.stand_in_url.as_str()),
    ];
    let config = Config::from_env(&Env::from_pairs(
        pairs.into_iter().chain(more.iter().copied()),
    ))
    .unwrap();
    Deps {
        erased: TombstoneList::new(aws.s3(), rig.bucket.clone()),
        config,
        sqs: aws.sqs(),
        s3: aws.s3(),
        secrets,
        http: http_client().unwrap(),
        metrics: Metrics::to(Pipeline::AppEvents, rig.metrics.clone()),
        clock: OffsetDateTime::now_utc,
    }
}

fn schedule(available: Duration) -> LambdaEvent<Value> {
    let deadline = SystemTime::now() + available;
    let mut context = Context::default();
    context.request_id = unique("request");
    context.deadline = u64::try_from(
        deadline
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_millis(),
    )
    .unwrap();
    LambdaEvent::new(json!({ "source": "aws.scheduler" }), context)
}

#[tokio::test]
async fn schedule_drains_the_queue_and_says_what_it_did() {
    let rig = Rig::new().await;
    rig.change(json!({ "api_key": "the key" }));
    rig.send(&screen_views("ada", &[("1", now_s())])).await;
    let deps = deps(
        &rig,
        r#"{"api_key":"the key"}"#,
        &[("MAPPING", r#"{"event_name_prefix":"app_"}"#)],
    )
    .await;

    let response = handle(&deps, schedule(Duration::from_mins(1)))
        .await
        .unwrap();

    assert_eq!(response["end"]["why"], "queue_empty");
    assert_eq!(
        (
            response["events"]["sent"].clone(),
            response["messages"]["deleted"].clone()
        ),
        (json!(1), json!(1))
    );
    let event: Value = serde_json::from_str(rig.stand_in.event("1").unwrap().event.get()).unwrap();
    assert_eq!(event["eventName"], "app_screen_view");
}

#[tokio::test]
async fn wrong_key_fails_the_invocation_and_the_right_one_holds_from_the_next_on() {
    let rig = Rig::new().await;
    rig.change(json!({ "api_key": "new" }));
    rig.send(&screen_views("ada", &[("1", now_s())])).await;
    let mut deps = deps(&rig, r#"{"api_key":"old"}"#, &[]).await;
    deps.config.run.visibility = rig.settings.visibility;

    let error = handle(&deps, schedule(Duration::from_mins(1)))
        .await
        .unwrap_err();
    assert!(matches!(error, RunError::Refused(_)), "{error:?}");
    assert_eq!(rig.depth().await.total(), 1);

    let arn = deps.config.secret_arn.as_deref().unwrap();
    let put = deps
        .secrets
        .put_secret_value()
        .secret_id(arn)
        .secret_string(r#"{"api_key":"new"}"#);
    put.send().await.unwrap();
    while rig.depth().await.total() > 0 {
        handle(&deps, schedule(Duration::from_mins(1)))
            .await
            .unwrap();
    }
    assert_eq!(rig.arrived().len(), 1);
}

#[tokio::test]
async fn secret_of_another_form_fails_before_anything_is_received() {
    let rig = Rig::new().await;
    rig.send(&screen_views("ada", &[("1", now_s())])).await;
    for secret in ["plain", "{}", r#"{"key":"x"}"#] {
        let deps = deps(&rig, secret, &[]).await;

        let error = handle(&deps, schedule(Duration::from_mins(1)))
            .await
            .unwrap_err();

        assert!(matches!(error, RunError::Destination(_)), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("plain"));
    }
    assert_eq!(rig.depth().await.visible, 1);
}
