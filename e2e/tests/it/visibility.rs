//! The visibility timeout of a queue, changed during a test.

use anyhow::{Context, Result};

use crate::stack::Stack;

/// Awaits `body` while the queue delivers its messages again after `seconds`: the template's visibility timeouts are longer
/// than a test. A timeout shorter than a slow machine needs for a batch would move good messages to the dead-letter queue.
pub(crate) async fn with_visibility<T>(
    stack: &Stack,
    queue_url: &str,
    seconds: u32,
    body: impl Future<Output = Result<T>>,
) -> Result<T> {
    let usual = visibility(stack, queue_url).await?;
    set_visibility(stack, queue_url, &seconds.to_string()).await?;
    let outcome = body.await;
    set_visibility(stack, queue_url, &usual).await?;
    outcome
}

async fn visibility(stack: &Stack, queue_url: &str) -> Result<String> {
    let answer = stack
        .sqs()
        .await
        .get_queue_attributes()
        .queue_url(queue_url)
        .attribute_names("VisibilityTimeout".into())
        .send()
        .await?;
    let seconds = answer
        .attributes()
        .and_then(|attributes| attributes.get(&"VisibilityTimeout".into()));
    Ok(seconds
        .context("a queue has a visibility timeout")?
        .to_owned())
}

async fn set_visibility(stack: &Stack, queue_url: &str, seconds: &str) -> Result<()> {
    stack
        .sqs()
        .await
        .set_queue_attributes()
        .queue_url(queue_url)
        .attributes("VisibilityTimeout".into(), seconds)
        .send()
        .await?;
    Ok(())
}
