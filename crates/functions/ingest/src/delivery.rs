//! A delivery of another sender than SparkPost: it is stored if its proof is right.

use access_keys::presented_key;
use axum::http::{HeaderMap, StatusCode, header};
use email_senders::{Proof, Received, Refused, Sender};
use event_model::BatchKey;
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

/// The delivery as it is stored. One whose proof is missing or wrong is kept apart, and answered with the status that makes its
/// provider send it again.
///
/// # Errors
/// The provider's status for a wrong proof, and 503 if the secrets cannot be read.
pub(crate) async fn prove(
    deps: &Deps,
    sender: &'static Sender,
    proof: &'static Proof,
    headers: &HeaderMap,
    body: DecodedBody,
    tally: &mut Tally,
) -> Result<ReceivedBatch, ApiError> {
    if let Err(refused) = check(deps, sender, proof, headers, body.bytes()).await? {
        tally.add(Metric::Unverified, 1);
        warn!(sender = sender.name, reason = %refused, "delivery is not proven");
        keep_apart(deps, sender, proof, headers, &body).await;
        return Err(refusal(proof, refused));
    }
    let delivery_id = sender
        .id_headers
        .iter()
        .find_map(|name| single(headers, name));
    let own: Vec<_> = proof.headers.iter().map(|name| (*name, *name)).collect();
    Ok(ReceivedBatch {
        key: BatchKey::of_sender(sender.name, delivery_id, body.bytes()),
        object: body.object(),
        metadata: metadata(headers, &own),
        form: body.form,
        body_bytes: body.received_bytes(),
    })
}

/// Checks the proof with the cached secrets, and if it is wrong with those of now.
async fn check(
    deps: &Deps,
    sender: &Sender,
    proof: &Proof,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Result<(), Refused>, ApiError> {
    let now = (deps.clock)();
    let mut outcome = Ok(());
    for is_proof_wrong in [false, true] {
        let secrets = deps
            .keys
            .sender_secrets(sender.name, is_proof_wrong, now.into());
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
        Refused::Stale => "the time of the signature is more than five minutes away",
        Refused::Wrong => "the proof is wrong",
    };
    match StatusCode::from_u16(proof.refusal_status) {
        Ok(status) if status != StatusCode::UNAUTHORIZED => ApiError::new(
            status,
            ErrorItem::new("unauthorized").description(description),
        ),
        Ok(_) | Err(_) => ApiError::unauthorized(description),
    }
}
