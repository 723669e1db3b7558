//! `cistern senders test`: the event of the provider's test button, from the webhook to the search.

mod found;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use email_senders::{Refused, SecretOrigin, TestDelivery, Trial};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;

use super::{Posting, Selection, address};
use crate::{
    http,
    operator::{
        api::{Api, refusal},
        keys::random_key,
        keys_secret::KeysSecret,
    },
    output::line,
    progress::Step,
    table::printable,
};

/// Longer than the gateway waits for a function.
const LIMIT: Duration = Duration::from_secs(40);

/// Options of `cistern senders test`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Test {
    #[command(flatten)]
    selection: Selection,

    /// Seconds to wait until the event is found
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(..=crate::operator::MAX_WAIT_SECONDS))]
    wait: u64,
}

/// The members of the webhook's answer that are read.
#[derive(Debug, Default, Deserialize)]
struct Receipt {
    batch: Option<String>,
}

impl Test {
    pub(super) async fn run(&self) -> Result<()> {
        let Selection { target, json, .. } = &self.selection;
        let target = target.find().await?;
        let (senders, sender) = self.selection.sender(&target).await?;
        let name = sender.sender.name();
        let address = address::of(&target, name)?;
        let versions = KeysSecret::of(&target)?.read().await?;
        let Some(secret) = versions.current.sender(name).first().copied() else {
            bail!(
                "{name} has no secret: `cistern senders add {name}{suffix}` stores one",
                suffix = target.suffix
            );
        };
        sender
            .check(secret)
            .context("the newest secret that is stored proves nothing")?;

        let id = format!("cistern-test-{}", &random_key()?[..16]);
        let now = OffsetDateTime::now_utc();
        let delivery = sender.proof.test_delivery(&Trial {
            secret,
            id: &id,
            now,
        });
        let step = Step::start("test");
        let started = Instant::now();
        let (status, body) = post(&address, &delivery).await?;
        if let Err(expected) = delivery.expected {
            let right = right_status(&sender)?;
            check_refusal(right, expected, status, &body, &target.suffix)?;
            step.done("a wrong proof is refused");
            return self.report_refused(&sender, &address, right, &target.suffix);
        }
        ensure!(
            status == StatusCode::OK,
            "{}",
            why_refused(
                &sender,
                &address,
                &refusal(status, &body, &target.suffix),
                status
            )
        );
        let Receipt { batch } = serde_json::from_slice(&body).unwrap_or_default();
        let batch = batch
            .context("the address answered 200, but not as Cistern does: is it this stack's?")?;
        step.note(format!("stored as {batch}, waiting until it is found"));
        let expected = found::Expected::of(&senders, &batch, &delivery.body, now)?;
        let api = Api::of(&target, "query").await?;
        let event = expected.wait(&api, Duration::from_secs(self.wait)).await?;
        step.done("found");
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if *json {
            return line!(
                "{:#}",
                json!({
                    "sender": name, "address": address, "outcome": "found", "batch": batch,
                    "duration_ms": duration_ms, "event": event,
                })
            );
        }
        let text = |member: &str| printable(event[member].as_str().unwrap_or("-"));
        line!(
            "{name} works: its event {} ({}) was stored and found after {duration_ms} ms, as {}",
            text("type"),
            text("provider_event"),
            text("event_id")
        )
    }

    fn report_refused(
        &self,
        Posting { sender, proof }: &Posting,
        address: &str,
        status: StatusCode,
        suffix: &str,
    ) -> Result<()> {
        let (name, label) = (sender.name(), sender.label());
        if self.selection.json {
            return line!(
                "{:#}",
                json!({ "sender": name, "address": address, "outcome": "wrong_proof_refused", "batch": null, "event": null })
            );
        }
        let status = status.as_u16();
        let (told, next) = match proof.setup().origin {
            SecretOrigin::Name => (
                format!(
                    "Only Amazon SNS can sign for {name}: the ARN of its topic is stored here. A message of that topic that SNS did not sign \
                     was refused with {status} as it must be, so the address and the topic are right."
                ),
                format!(
                    "To check that SNS reaches it, send a mail through the configuration set to success@simulator.amazonses.com: \
                     `cistern events --provider {name}{suffix}` finds its events a minute later."
                ),
            ),
            SecretOrigin::Provider | SecretOrigin::Own => (
                format!(
                    "Only {label} can sign for {name}: a public key is stored here. A wrong signature was refused with {status} as it must be, so \
                     the address is right and a key is stored."
                ),
                format!("Press {label}'s test button to check the key: 200 means stored."),
            ),
        };
        line!(
            "{told} {next} The refused delivery counts as one that did not verify, so SenderDeniedAlarm may fire once."
        )
    }
}

async fn post(address: &str, delivery: &TestDelivery) -> Result<(StatusCode, Vec<u8>)> {
    let mut request = http::client(LIMIT)?
        .post(address)
        .body(delivery.body.clone());
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    let response = request
        .send()
        .await
        .with_context(|| format!("posting to {address}"))?;
    let status = response.status();
    let body = response
        .bytes()
        .await
        .context("reading the webhook's answer")?;
    Ok((status, body.to_vec()))
}

/// The status after which the provider sends a delivery again.
fn right_status(Posting { proof, .. }: &Posting) -> Result<StatusCode> {
    StatusCode::from_u16(proof.refusal_status()).context("the status of a refusal is none")
}

/// A wrong proof must be refused for the reason that is expected, and for no other.
fn check_refusal(
    right: StatusCode,
    expected: Refused,
    status: StatusCode,
    body: &[u8],
    suffix: &str,
) -> Result<()> {
    let reason = refusal(status, body, suffix);
    let is_right = status == right && reason.contains(&expected.to_string());
    ensure!(
        is_right,
        "a wrong proof must be answered with {} and \"{expected}\", and {reason}",
        right.as_u16()
    );
    Ok(())
}

fn why_refused(sender: &Posting, address: &str, refusal: &str, status: StatusCode) -> String {
    let advice = match status {
        StatusCode::UNAUTHORIZED => format!(
            "; the secret was stored a moment ago, or by hand in another form: try again after {} s",
            access_keys::MIN_AGE.as_secs()
        ),
        StatusCode::NOT_FOUND => {
            "; an older version may be deployed, or EnableEmailEvents is off".to_owned()
        }
        _ => String::new(),
    };
    format!(
        "the delivery of {} to {address} was not taken: {refusal}{advice}",
        sender.sender.label()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_proof_must_be_refused_for_being_wrong() {
        let body = |description: &str| {
            format!(r#"{{"errors":[{{"message":"Unauthorized","description":"{description}"}}]}}"#)
                .into_bytes()
        };

        let check = |status, body: &[u8]| {
            check_refusal(StatusCode::UNAUTHORIZED, Refused::Wrong, status, body, "")
        };
        assert!(check(StatusCode::UNAUTHORIZED, &body("the proof is wrong")).is_ok());
        for (status, description) in [
            (
                StatusCode::UNAUTHORIZED,
                "no secret is stored for this sender",
            ),
            (StatusCode::FORBIDDEN, "the proof is wrong"),
            (StatusCode::OK, ""),
        ] {
            let error = check(status, &body(description)).unwrap_err();
            assert!(error.to_string().contains(status.as_str()), "{error}");
        }
    }
}
