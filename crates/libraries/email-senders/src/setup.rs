//! What a person does in a provider's pages so that its events come, and the delivery with which that is tried.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::proof::{Refused, standard_webhooks_signature};

/// How a webhook is set up in the provider's pages.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Who makes the secret.
    pub origin: SecretOrigin,
    /// The steps, in their order. `{address}` and `{secret}` stand for the webhook's address and its secret, `{account}` for the account in
    /// one that is an ARN.
    pub steps: &'static [&'static str],
    /// For how long the provider repeats a delivery, in hours; none if that is not documented or the sender's choice.
    pub repeats_for_hours: Option<u32>,
}

/// Who makes a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// The provider, which shows it.
    Provider,
    /// The person who sets the webhook up: it may be generated.
    Own,
    /// Nobody: it is a name that everybody may know, and is shown.
    Name,
}

/// What a test delivery is made from.
#[derive(Clone, Copy)]
pub struct Trial<'a> {
    /// A secret of the sender that [`Proof::check_secret`](crate::Proof::check_secret) accepts.
    pub secret: &'a str,
    /// The id of the delivery: letters, digits and hyphens. Another one makes another event.
    pub id: &'a str,
    /// The time of the event.
    pub now: OffsetDateTime,
}

impl std::fmt::Debug for Trial<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trial")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A request like that of a provider's test button.
pub struct TestDelivery {
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The right answer. It is refused where only the provider can sign, and the signature is made up.
    pub expected: Result<(), Refused>,
}

impl std::fmt::Debug for TestDelivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestDelivery")
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

impl Setup {
    /// The steps with an address and a secret, or a description of one, in their places.
    pub fn steps(&self, address: &str, secret: &str) -> Vec<String> {
        let account = secret.split(':').nth(4).unwrap_or("the account's number");
        let filled = |step: &&str| {
            step.replace("{address}", address)
                .replace("{secret}", secret)
                .replace("{account}", account)
        };
        self.steps.iter().map(filled).collect()
    }
}

impl Trial<'_> {
    /// Nobody's address: no mail for it can be delivered.
    pub(crate) fn recipient(&self) -> String {
        format!("{}@example.com", self.id)
    }

    /// The time as `2026-11-30T12:00:00Z`.
    pub(crate) fn time(&self) -> String {
        self.now.format(&Rfc3339).unwrap_or_default()
    }

    /// A delivery of Standard Webhooks, with the names of the headers for its id, time and signature.
    pub(crate) fn standard(
        &self,
        [id, stamp, signature]: [&'static str; 3],
        body: &Value,
    ) -> TestDelivery {
        let seconds = self.now.unix_timestamp();
        let headers = |value| {
            vec![
                (id.to_owned(), self.id.to_owned()),
                (stamp.to_owned(), seconds.to_string()),
                (signature.to_owned(), value),
            ]
        };
        let bytes = body.to_string();
        if self.secret.starts_with("whpk_") {
            let made_up = format!("v1a,{}", BASE64_STANDARD.encode([0; 64]));
            return TestDelivery::unproven(headers(made_up), body);
        }
        let signed = standard_webhooks_signature(self.secret, self.id, seconds, bytes.as_bytes());
        TestDelivery::proven(headers(signed.unwrap_or_default()), body)
    }
}

impl TestDelivery {
    /// A delivery of JSON that the secret proves.
    pub(crate) fn proven(mut headers: Vec<(String, String)>, body: &Value) -> Self {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        Self {
            headers,
            body: body.to_string().into_bytes(),
            expected: Ok(()),
        }
    }

    /// A delivery of JSON whose proof only the provider could make.
    pub(crate) fn unproven(headers: Vec<(String, String)>, body: &Value) -> Self {
        Self::refused(Refused::Wrong, headers, body)
    }

    /// A delivery of JSON that must be refused for this reason.
    pub(crate) fn refused(reason: Refused, headers: Vec<(String, String)>, body: &Value) -> Self {
        Self {
            expected: Err(reason),
            ..Self::proven(headers, body)
        }
    }
}
