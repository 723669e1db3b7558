//! The person who is erased in the middle of a run, and whose events go on arriving.

use event_model::Pipeline;

use super::plan::Batch;

/// The person's address, as the senders of emails and of app events write it.
pub(super) const ADDRESS: &str = "Jane.Doe@Erased.example";
/// The person's id in apps and on pages.
pub(super) const USER: &str = "user-jane-doe-4711";

/// Of so many email events one is the person's.
const OF_EMAIL_EVENTS: u64 = 40;
/// Of so many batches of app events.
const OF_APP_BATCHES: u64 = 12;
/// Of so many product events.
const OF_PRODUCT_EVENTS: u64 = 60;

/// Whether an email or a product event is the person's. App events are by their batches.
pub(super) const fn owns_event(pipeline: Pipeline, number: u64) -> bool {
    match pipeline {
        Pipeline::EmailEvents => number % OF_EMAIL_EVENTS == 11,
        Pipeline::AppEvents => false,
        Pipeline::ProductEvents => number % OF_PRODUCT_EVENTS == 13,
    }
}

/// Whether all events of a batch are the person's, as those of a batch of app events are one user's.
pub(super) const fn owns_batch(pipeline: Pipeline, number: u64) -> bool {
    matches!(pipeline, Pipeline::AppEvents) && number % OF_APP_BATCHES == 5
}

/// Whether an event of a batch is the person's.
pub(super) const fn owns(batch: &Batch, number: u64) -> bool {
    owns_batch(batch.pipeline, batch.number) || owns_event(batch.pipeline, number)
}

/// The person's names in every form in which bytes may have them, in lower case.
pub(super) fn forms() -> Vec<String> {
    use base64::{Engine as _, prelude::BASE64_STANDARD};

    let plain = [ADDRESS.to_lowercase(), USER.to_lowercase()];
    let in_base64 = [ADDRESS, USER].map(|name| {
        let encoded = BASE64_STANDARD.encode(name);
        encoded.trim_end_matches('=').to_lowercase()
    });
    let in_links = [ADDRESS.to_lowercase().replace('@', "%40")];
    plain.into_iter().chain(in_base64).chain(in_links).collect()
}
