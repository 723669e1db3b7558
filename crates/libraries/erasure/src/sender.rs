//! Raw objects of other providers of emails than SparkPost.

use std::ops::Range;

use email_senders::{Delivery, TranslatedItem};
use event_model::{
    ByteForm, Pipeline,
    sparkpost::{PING, split_items},
};

use crate::{
    Found, Names, RewriteError, Rewritten, Verdict,
    rewrite::{Change, Piece, write_verified},
    verdict::{mention_in, verdict_of, verdict_of_other},
};

/// The expanded object of a provider without the person's events, as the events are when they are translated. An item that became
/// events of several people is nobody's.
///
/// # Errors
/// When the bytes are not expanded, or the result cannot be verified.
pub fn rewrite_sender(
    delivery: &Delivery,
    body: &[u8],
    person: &impl Names,
) -> Result<Rewritten, RewriteError> {
    if let Some(form) = ByteForm::of(body) {
        return Err(RewriteError::Encoded(form));
    }
    let mut found = Found::default();
    let Some(items) = delivery.items(body) else {
        found.count(mention_in(&String::from_utf8_lossy(body), person));
        return Ok(Rewritten { bytes: None, found });
    };
    found.count(mention_in(&outside_of(&items, body), person));
    let pieces: Vec<Piece<'_>> = items
        .into_iter()
        .map(|item| {
            let verdict = verdict_of_item(&body[item.bytes.clone()], &item.events, person);
            let change = if found.count(verdict) {
                Change::Replace(PING.as_bytes().into())
            } else {
                Change::Keep
            };
            let bytes = item.bytes;
            Piece { bytes, change }
        })
        .collect();
    let bytes = write_verified(body, &pieces, |bytes| ranges(delivery, bytes))?;
    Ok(Rewritten { bytes, found })
}

/// The text around the items, which is more than brackets where they are inside an object.
fn outside_of(items: &[TranslatedItem], body: &[u8]) -> String {
    let mut outside = Vec::new();
    let mut at = 0;
    for item in items {
        outside.extend_from_slice(&body[at..item.bytes.start]);
        // Nothing of two pieces is one word.
        outside.push(b' ');
        at = item.bytes.end;
    }
    outside.extend_from_slice(&body[at..]);
    String::from_utf8_lossy(&outside).into_owned()
}

/// What an item has to do with the person, by its bytes and by the events that it becomes. If a mention takes out one of these, it takes
/// out the item.
fn verdict_of_item(item: &[u8], events: &[u8], person: &impl Names) -> Verdict {
    if are_theirs(events, person) {
        return Verdict::Theirs;
    }
    let of_item = verdict_of_other(&String::from_utf8_lossy(item), person);
    let takes_out = |(_, event): (_, &[u8])| {
        verdict_of(Pipeline::EmailEvents, event, person) != Verdict::Unrelated
    };
    if person.erases_mentions() && !of_item.is_erased() && split_items(events).any(takes_out) {
        return Verdict::MentionErased;
    }
    of_item
}

fn are_theirs(events: &[u8], person: &impl Names) -> bool {
    let mut events = split_items(events)
        .filter(|(_, event)| *event != PING.as_bytes())
        .peekable();
    events.peek().is_some()
        && events
            .all(|(_, event)| verdict_of(Pipeline::EmailEvents, event, person) == Verdict::Theirs)
}

fn ranges(delivery: &Delivery, body: &[u8]) -> Vec<(Range<usize>, bool)> {
    let items = delivery.items(body).unwrap_or_default();
    items.into_iter().map(|item| (item.bytes, true)).collect()
}

#[cfg(test)]
mod tests {
    use email_senders::{Recipe, Senders};

    use super::*;
    use crate::Person;

    #[test]
    fn items_of_a_provider_are_found_by_what_they_become_and_others_stay() {
        let jane = Person::new(&["jane@x.org"], &[""; 0]).unwrap();
        let key = "raw/email/dt=2026-11-30/sendgrid=d1-0123456789abcdef.json.gz";
        let delivery = Senders::default().delivery(key).unwrap().unwrap();
        let event = |address: &str| {
            format!(
                r#"{{"email":"{address}","timestamp":1796000000,"event":"delivered","sg_event_id":"{address}"}}"#
            )
        };
        let (hers, others) = (event("Jane@x.org"), event("bob@x.org"));
        let body = format!("[{hers},\n{others}]");

        let rewritten = rewrite_sender(&delivery, body.as_bytes(), &jane).unwrap();

        let expected = format!("[{{\"msys\":{{}}}},\n{others}]");
        assert_eq!(rewritten.bytes, Some(expected.clone().into_bytes()));
        assert_eq!(rewritten.found.theirs, 1);
        let again = rewrite_sender(&delivery, expected.as_bytes(), &jane).unwrap();
        assert_eq!(again.bytes, None);
        assert_eq!(again.found, Found::default());
    }

    /// A delivery of a sender whose events are in a list inside an object.
    fn of_own_sender() -> Delivery {
        let recipe = br#"{"name":"own","proof":{"signature_header":"S"},
            "mapping":{"events":"/events","type":"/type","timestamp":"/at","fields":{"rcpt_to":"/to"}}}"#;
        let recipe = Recipe::parse(recipe).unwrap();
        let senders = Senders::default().with(recipe, false).unwrap();
        let key = "raw/email/dt=2026-11-30/own=d1-0123456789abcdef.json.gz";
        senders.delivery(key).unwrap().unwrap()
    }

    #[test]
    fn an_item_of_somebody_else_goes_if_mentions_do_and_what_is_around_items_stays() {
        let jane = Person::new(&["jane@x.org"], &[""; 0]).unwrap();
        let jane = jane.deep().unwrap();
        let delivery = of_own_sender();
        let body = r#"{"for":"jane@x.org","events":[{"type":"a","at":1796000000,"to":"bob@x.org","cc":"jane@x.org"},{"type":"a","at":1796000000,"to":"bob@x.org"}]}"#;

        let rewritten = rewrite_sender(&delivery, body.as_bytes(), &jane).unwrap();

        let expected = r#"{"for":"jane@x.org","events":[{"msys":{}},{"type":"a","at":1796000000,"to":"bob@x.org"}]}"#;
        assert_eq!(rewritten.bytes, Some(expected.as_bytes().to_vec()));
        let found = Found {
            mentioned: 2,
            mentions_erased: 1,
            ..Found::default()
        };
        assert_eq!(rewritten.found, found);
    }

    #[test]
    fn events_inside_an_object_are_erased_one_by_one_and_mentions_around_them_are_told() {
        let jane = Person::new(&["jane@x.org"], &[""; 0]).unwrap();
        let delivery = of_own_sender();
        let body = r#"{"for":"jane@x.org","events":[{"type":"a","at":1796000000,"to":"jane@x.org"},{"type":"a","at":1796000000,"to":"bob@x.org"}]}"#;

        let rewritten = rewrite_sender(&delivery, body.as_bytes(), &jane).unwrap();

        let expected = r#"{"for":"jane@x.org","events":[{"msys":{}},{"type":"a","at":1796000000,"to":"bob@x.org"}]}"#;
        assert_eq!(rewritten.bytes, Some(expected.as_bytes().to_vec()));
        assert_eq!((rewritten.found.theirs, rewritten.found.mentioned), (1, 1));
    }
}
