//! A delivery of another sender than SparkPost: it is stored if its proof is right.

use access_keys::presented_key;
use axum::http::{HeaderMap, StatusCode, header};
use email_senders::{Proof, Purpose, Received, Refused, Sender, SnsUrl};
use function_kit::{
    ApiError,
    http::ErrorItem,
    metrics::{Metric, Tally},
};
use secrecy::{ExposeSecret, SecretString};
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

/// What a proven request is.
#[derive(Debug)]
pub(crate) enum Proven {
    /// A delivery, as it is stored.
    Delivery(ReceivedBatch),
    /// The provider asks whether the address wants its events: a request of this address says yes.
    Confirmation(SnsUrl),
    /// The provider sends nothing more.
    Cancellation,
}

/// What a request is whose proof is right. One whose proof is missing or wrong is kept apart, and answered with the status that makes its
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
) -> Result<Proven, ApiError> {
    let Posting { sender, proof } = from;
    if let Err(refused) = check(deps, from, headers, body.bytes()).await? {
        tally.add(Metric::Unverified, 1);
        warn!(sender = sender.name(), reason = %refused, "delivery is not proven");
        keep_apart(deps, from, headers, &body).await;
        return Err(refusal(proof, refused));
    }
    let header = |name: &str| single(headers, name);
    let received = Received {
        header: &header,
        presented_key: None,
        body: body.bytes(),
        certificate: None,
        now: (deps.clock)(),
    };
    match proof.purpose(&received) {
        Purpose::Delivery => {}
        Purpose::Confirmation(url) => return Ok(Proven::Confirmation(url)),
        Purpose::Cancellation => return Ok(Proven::Cancellation),
    }
    Ok(Proven::Delivery(ReceivedBatch {
        key: sender.batch_key(&received),
        object: body.object(),
        metadata: metadata(headers, &proof.headers()),
        form: body.form,
        body_bytes: body.received_bytes(),
    }))
}

/// Checks the proof with the cached secrets, and if it is wrong with those of now.
async fn check(
    deps: &Deps,
    posting: &Posting,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Result<(), Refused>, ApiError> {
    let now = (deps.clock)();
    let mut outcome = Ok(());
    for is_proof_wrong in [false, true] {
        let name = posting.sender.name();
        let secrets = deps.keys.sender_secrets(name, is_proof_wrong, now.into());
        let secrets = secrets
            .await
            .map_err(|error| ApiError::unavailable(RETRY_AFTER_SECONDS, error))?;
        outcome = check_with(deps, posting, headers, body, &secrets).await;
        if !matches!(
            outcome,
            Err(Refused::NoSecret | Refused::OtherTopic | Refused::Wrong)
        ) {
            break;
        }
    }
    Ok(outcome)
}

async fn check_with(
    deps: &Deps,
    Posting { sender, proof }: &Posting,
    headers: &HeaderMap,
    body: &[u8],
    secrets: &[SecretString],
) -> Result<(), Refused> {
    let authorization = single(headers, header::AUTHORIZATION.as_str());
    let presented = authorization.and_then(presented_key);
    let header = |name: &str| single(headers, name);
    let now = (deps.clock)();
    let received = |certificate| Received {
        header: &header,
        presented_key: presented.as_ref().map(ExposeSecret::expose_secret),
        body,
        certificate,
        now,
    };
    let secrets = || secrets.iter().map(ExposeSecret::expose_secret);
    let Some(url) = proof.certificate_url(&received(None), secrets())? else {
        return proof.check(&received(None), secrets());
    };
    let certificate = deps.sns.certificate(&url, now).await;
    let certificate = certificate.map_err(|error| {
        warn!(sender = sender.name(), error = %function_kit::chain(&error), "no certificate for a delivery");
        Refused::NoCertificate
    })?;
    proof.check(&received(Some(&*certificate)), secrets())
}

fn refusal(proof: &Proof, refused: Refused) -> ApiError {
    // The texts say nothing about the secret.
    let description = match refused {
        Refused::NoSecret => "no secret is stored for this sender",
        Refused::Missing => "the proof is missing",
        Refused::OtherTopic => "it is of another topic than those that are stored",
        Refused::Malformed => "the proof has another form than this sender's",
        Refused::Stale => "the signature is too old, or its time is in the future",
        Refused::Untrusted => {
            "the certificate is from another host than this provider's, or is not valid now"
        }
        Refused::NoCertificate => "the certificate cannot be fetched",
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
