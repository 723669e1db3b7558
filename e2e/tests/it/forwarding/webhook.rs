//! The webhook: a body is acknowledged if and only if SQS has it.

use anyhow::{Context, Result, ensure};
use aws_io::gzip;
use serde_json::{Value, json};

use crate::forwarding::rig::{Forwarding, screen_views};
use crate::stack::fresh_id;

#[tokio::test]
async fn bodies_reach_queue_and_archive_to_the_byte() -> Result<()> {
    let forwarding = Forwarding::with(&[]).await?;
    let before = forwarding.keys("raw/mparticle/").await?;
    let bodies = [
        screen_views("ada", &[fresh_id("archived")]),
        "{ cut & 100% +plus \u{1f375} \"".to_owned(),
        r#"{"mpid": -196509116834317511, "a": "\u0000 é",  "b" : 1e2}"#.to_owned(),
        // 200 KB, more than the 128 KB of mParticle's limit.
        screen_views(
            "large",
            &(0..2_000)
                .map(|n| format!("{}-{n}", fresh_id("large")))
                .collect::<Vec<_>>(),
        ),
    ];

    for body in &bodies {
        forwarding.deliver(body.as_str()).await?;
    }
    forwarding.drain().await?;

    let mut archived = Vec::new();
    for key in forwarding.keys("raw/mparticle/").await?.difference(&before) {
        let lines = gzip::decode_capped(&forwarding.object(key).await?, 64 << 20)?;
        for line in String::from_utf8(lines)?.lines() {
            let record: Value = serde_json::from_str(line)?;
            archived.push(record["body"].as_str().context("a body")?.to_owned());
        }
    }
    archived.sort();
    let mut sent = bodies.to_vec();
    sent.sort();
    ensure!(
        archived == sent,
        "{} bodies were archived of {}",
        archived.len(),
        sent.len()
    );
    Ok(())
}

#[tokio::test]
async fn any_parameters_of_the_content_type_are_taken_and_other_types_are_not_stored() -> Result<()>
{
    let forwarding = Forwarding::with(&[]).await?;
    let post = async |content_type: Option<&str>| -> Result<u16> {
        let mut request = forwarding
            .stack
            .http
            .post(&forwarding.stack.file.mparticle_webhook_url)
            .header("authorization", &forwarding.stack.file.keys.mparticle)
            .body("{}");
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        Ok(request.send().await?.status().as_u16())
    };

    for content_type in [
        None,
        Some("application/json"),
        Some("application/json; charset=utf-8"),
        Some("application/json;charset=UTF-8"),
    ] {
        let status = post(content_type).await?;
        ensure!(status == 200, "{content_type:?} was answered {status}");
    }
    ensure!(forwarding.waiting().await? == 4);
    // Never a 4xx, after which mParticle would drop the batch.
    let status = post(Some("text/plain")).await?;
    ensure!(status == 503, "text was answered {status}");
    ensure!(forwarding.waiting().await? == 4);
    forwarding.drain().await?;
    Ok(())
}

/// The largest message of SQS is 1 MiB.
#[tokio::test]
async fn what_sqs_refuses_is_answered_503_and_comes_again() -> Result<()> {
    let forwarding = Forwarding::with(&[]).await?;
    let body = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));

    let too_large = forwarding.post(body((1 << 20) + 1)).await?;
    let large = forwarding.post(body(900 << 10)).await?;

    ensure!((too_large, large) == (503, 200), "{too_large}, {large}");
    ensure!(forwarding.waiting().await? == 1);
    forwarding.drain().await?;
    Ok(())
}

/// The queue is deleted and created again, under the same name.
#[tokio::test]
async fn missing_queue_answers_503_until_it_is_back() -> Result<()> {
    let forwarding = Forwarding::with(&[]).await?;
    let sqs = forwarding.stack.sqs().await;
    let url = &forwarding.stack.file.queues.forward;
    let name = url.rsplit('/').next().context("a queue's name")?;
    let all = ["All"].map(Into::into);
    let asked = sqs
        .get_queue_attributes()
        .queue_url(url)
        .set_attribute_names(Some(all.to_vec()))
        .send()
        .await?;
    let told = asked.attributes().context("the queue's attributes")?;
    let settable = [
        "VisibilityTimeout",
        "MessageRetentionPeriod",
        "MaximumMessageSize",
        "RedrivePolicy",
        "SqsManagedSseEnabled",
        "Policy",
    ];
    let attributes = told
        .iter()
        .filter(|(name, _)| settable.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();

    sqs.delete_queue().queue_url(url).send().await?;
    let id = fresh_id("no-queue");
    let while_missing = forwarding
        .post(screen_views("ada", std::slice::from_ref(&id)))
        .await;
    sqs.create_queue()
        .queue_name(name)
        .set_attributes(Some(attributes))
        .send()
        .await?;

    let while_missing = while_missing?;
    ensure!(
        while_missing == 503,
        "without a queue the answer was {while_missing}"
    );
    forwarding
        .deliver(screen_views("ada", std::slice::from_ref(&id)))
        .await?;
    forwarding.drain().await?;
    ensure!(
        forwarding.arrived().await?.contains_key(&id),
        "the repetition arrives"
    );
    Ok(())
}

#[tokio::test]
async fn messages_carry_where_they_came_from() -> Result<()> {
    let forwarding = Forwarding::with(&[]).await?;
    forwarding.deliver("{}").await?;
    let sqs = forwarding.stack.sqs().await;

    let answer = sqs
        .receive_message()
        .queue_url(&forwarding.stack.file.queues.forward)
        .message_attribute_names("All")
        .visibility_timeout(0)
        .send()
        .await?;

    let message = answer.messages().first().context("a message")?;
    let attributes = message.message_attributes().context("attributes")?;
    let mut names: Vec<&str> = attributes.keys().map(String::as_str).collect();
    names.sort_unstable();
    ensure!(
        json!(names) == json!(["requestId", "requestTimeMs", "sourceIp"]),
        "{names:?}"
    );
    forwarding.drain().await?;
    Ok(())
}
