//! The addresses of the webhooks.

use anyhow::{Context as _, Result};

use crate::operator::target::StackTarget;

/// The address of a sender's webhook.
///
/// # Errors
/// The stack receives no email events.
pub(super) fn of(target: &StackTarget, sender: &str) -> Result<String> {
    let sparkpost = match &target.local {
        Some((_, stack)) => &stack.sparkpost_webhook_url,
        None => target.output("SparkPostWebhookUrl")?,
    };
    let base = sparkpost.strip_suffix("sparkpost");
    let base = base.context("the URL of SparkPost's webhook does not end with its name")?;
    Ok(format!("{base}{sender}"))
}
