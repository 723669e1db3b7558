//! Words that are longer than an index entry may be.

use event_model::{BatchKey, Counts, sparkpost::parse_batch};
use event_store::LoadOutcome;
use serde_json::Value;
use sqlx::PgPool;

use crate::service::{NOW, Service};

const SAMPLE: &[u8] = include_bytes!("../../../../../events/sparkpost/quirk-overlong-word.json");

/// The longest word of a member of one of the sample's events.
fn longest_word(body: &Value, position: usize, member: &str) -> String {
    let event = &body[position]["msys"]["message_event"];
    let words = event[member].as_str().unwrap().split(' ');
    words.max_by_key(|word| word.len()).unwrap().to_owned()
}

#[sqlx::test(migrations = "../../../migrations")]
async fn events_are_stored_and_found_by_them_and_by_the_words_beside(pool: PgPool) {
    let service = Service::over(&pool);
    let outcome = service
        .store
        .load_batch(&BatchKey::new(None, SAMPLE), &parse_batch(SAMPLE, NOW))
        .await
        .unwrap();
    let body: Value = serde_json::from_slice(SAMPLE).unwrap();
    // As much of it as fits into a URI.
    let in_subject = &longest_word(&body, 0, "subject")[..3_000].replace('+', "%2B");
    let in_reason = longest_word(&body, 1, "reason").replace('+', "%2B");

    let (first, second) = (vec![417_305_528_140_678_001], vec![417_305_528_140_678_002]);
    assert_eq!(
        outcome,
        LoadOutcome::Loaded(Counts {
            stored: 2,
            duplicate: 0,
            rejected: 0,
            erased: 0,
        })
    );
    for (filters, found) in [
        ("subjects=inside".to_owned(), &first),
        (format!("subjects=key%20{in_subject}"), &first),
        (format!("reasons={in_reason}"), &second),
        ("reasons=see%20above".to_owned(), &second),
    ] {
        let answer = service.search(&format!("from=2026-02-01&{filters}")).await;
        assert_eq!(&answer.event_ids(), found, "{filters}");
    }
    // The response has the whole word.
    let answer = service.search("from=2026-02-01&subjects=inside").await;
    assert_eq!(
        answer.json()["results"][0]["subject"],
        body[0]["msys"]["message_event"]["subject"]
    );
}
