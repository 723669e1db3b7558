//! A delivery of another sender than SparkPost: it is stored if its proof is right.

use access_keys::presented_key;
use axum::http::{HeaderMap, StatusCode, header};
use email_senders::{Proof, Received, Refused, Sender};
use function_kit::{
    ApiError,
    http::ErrorItem,
    metrics::{Metric, Tally},
};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use tracing::warn;

use crate::{
    Deps,
    body::{DecodedBody, ReceivedBatch, metadata, single},
    config::RETRY_AFTER_SECONDS,
    unverified::keep_apart,
};

/// A sender that posts, and how its requests prove themselves.
#[derive(Clone, Debug)]
pub(crate) struct Posting {
    pub(crate) sender: Sender,
    pub(crate) proof: Proof,
}

impl Posting {
    /// None of a sender that does not post.
    pub(crate) fn of(sender: Sender) -> Option<Self> {
        let proof = sender.proof()?;
        Some(Self { sender, proof })
    }
}

/// The delivery as it is stored. One whose proof is missing or wrong is kept apart, and answered with the status that makes its
/// provider send it again.
///
/// # Errors
/// The provider's status for a wrong proof, and 503 if the secrets cannot be read.
pub(crate) async fn prove(
    deps: &Deps,
    from: &Posting,
    headers: &HeaderMap,
    body: DecodedBody,
    tally: &mut Tally,
) -> Result<ReceivedBatch, ApiError> {
    let Posting { sender, proof } = from;
    if let Err(refused) = check(deps, from, headers, body.bytes()).await? {
        tally.add(Metric::Unverified, 1);
        warn!(sender = sender.name(), reason = %refused, "delivery is not proven");
        keep_apart(deps, from, headers, &body).await;
        return Err(refusal(proof, refused));
    }
    let header = |name: &str| single(headers, name);
    let key = sender.batch_key(&Received {
        header: &header,
        presented_key: None,
        body: body.bytes(),
        now: (deps.clock)(),
    });
    Ok(ReceivedBatch {
        key,
        object: body.object(),
        metadata: metadata(headers, &proof.headers()),
        form: body.form,
        body_bytes: body.received_bytes(),
    })
}

/// Checks the proof with the cached secrets, and if it is wrong with those of now.
async fn check(
    deps: &Deps,
    Posting { sender, proof }: &Posting,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Result<(), Refused>, ApiError> {
    let now = (deps.clock)();
    let mut outcome = Ok(());
    for is_proof_wrong in [false, true] {
        let secrets = deps
            .keys
            .sender_secrets(sender.name(), is_proof_wrong, now.into());
        let secrets = secrets
            .await
            .map_err(|error| ApiError::unavailable(RETRY_AFTER_SECONDS, error))?;
        outcome = check_with(proof, headers, body, now, &secrets);
        if !matches!(outcome, Err(Refused::NoSecret | Refused::Wrong)) {
            break;
        }
    }
    Ok(outcome)
}

fn check_with(
    proof: &Proof,
    headers: &HeaderMap,
    body: &[u8],
    now: OffsetDateTime,
    secrets: &[SecretString],
) -> Result<(), Refused> {
    let authorization = single(headers, header::AUTHORIZATION.as_str());
    let presented = authorization.and_then(presented_key);
    let header = |name: &str| single(headers, name);
    let received = Received {
        header: &header,
        presented_key: presented.as_ref().map(ExposeSecret::expose_secret),
        body,
        now,
    };
    proof.check(&received, secrets.iter().map(ExposeSecret::expose_secret))
}

fn refusal(proof: &Proof, refused: Refused) -> ApiError {
    // The texts say nothing about the secret.
    let description = match refused {
        Refused::NoSecret => "no secret is stored for this sender",
        Refused::Missing => "the proof is missing",
        Refused::Malformed => "the proof has another form than this sender's",
        Refused::Stale => "the signature is too old, or its time is in the future",
        Refused::Wrong => "the proof is wrong",
    };
    match StatusCode::from_u16(proof.refusal_status()) {
        Ok(status) if status != StatusCode::UNAUTHORIZED => ApiError::new(
            status,
            ErrorItem::new("unauthorized").description(description),
        ),
        Ok(_) | Err(_) => ApiError::unauthorized(description),
    }
}
