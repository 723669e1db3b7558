//! Rows of Postgres. What may be the person's is found there by its text, and what is the person's is decided here.

use erasure::{Names as _, Person, Verdict, verdict_of};
use event_model::{EventKey, Pipeline};
use event_store::{Candidates, Store};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::Instant;

use super::Place;
use crate::{
    EraserError,
    job::{Count, Finding, Job},
    run::{Progress, Search},
};

const EVENTS_AT_ONCE: i64 = 2_000;
/// Each has up to 256 KiB.
const REJECTED_AT_ONCE: i64 = 100;

/// Searches the events, day by day.
pub(super) async fn events(
    search: &Search<'_>,
    job: &mut Job,
    progress: &mut Progress<'_>,
) -> Result<bool, EraserError> {
    let Some(store) = &search.deps.store else {
        return Ok(true);
    };
    let place = Place::Events.name();
    let (in_event, in_meta) = patterns(&search.person);
    let mut after = position(&job.pass.after);
    while let Some(next) = store.next_event_time(after.0).await? {
        let day = next.date().midnight().assume_utc();
        let to = day + Duration::DAY;
        let mut wanted = Candidates {
            from: day,
            to,
            after: after.max(beginning_of(day)),
            in_event: in_event.clone(),
            in_meta: in_meta.clone(),
            limit: EVENTS_AT_ONCE,
        };
        loop {
            if !search.budget.allows_start(Instant::now()) {
                return Ok(false);
            }
            let found = store.find_candidates(&wanted).await?;
            let Some(last) = found.last() else { break };
            wanted.after = (last.ts.to_time(), last.event_key);
            let items = found
                .iter()
                .map(|row| (row.event.as_bytes(), (row.ts, row.event_key)));
            let (mut count, keys) = judge(items, &search.person);
            if search.changes && !keys.is_empty() {
                count.changed = store.erase_events(&keys).await?;
            }
            let finding = Finding {
                count,
                problem: None,
            };
            job.add(&place, None, finding);
            if i64::try_from(found.len()).unwrap_or(i64::MAX) < EVENTS_AT_ONCE {
                break;
            }
            job.pass.after = text_of(wanted.after);
            progress.save(job).await?;
        }
        after = beginning_of(to);
        job.pass.after = text_of(after);
        progress.save(job).await?;
    }
    Ok(true)
}

/// Before all events of a time.
const fn beginning_of(time: OffsetDateTime) -> (OffsetDateTime, EventKey) {
    (time, EventKey::from_u128(0))
}

/// The last event that was searched; another version of this function has written down the time alone.
fn position(after: &str) -> (OffsetDateTime, EventKey) {
    let (time, key) = after.split_once(' ').unwrap_or((after, ""));
    let time = OffsetDateTime::parse(time, &Rfc3339).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let key = u128::from_str_radix(key, 16).unwrap_or_default();
    (time, EventKey::from_u128(key))
}

fn text_of((time, key): (OffsetDateTime, EventKey)) -> String {
    let time = time.format(&Rfc3339).unwrap_or_default();
    format!("{time} {:x}", key.as_u128())
}

/// Searches the rejected items.
pub(super) async fn rejected(
    search: &Search<'_>,
    job: &mut Job,
    progress: &mut Progress<'_>,
) -> Result<bool, EraserError> {
    let Some(store) = &search.deps.store else {
        return Ok(true);
    };
    while search.budget.allows_start(Instant::now()) {
        if rejected_page(search, store, job).await? {
            return Ok(true);
        }
        progress.save(job).await?;
    }
    Ok(false)
}

/// Searches the next rows; true if there are none.
async fn rejected_page(
    search: &Search<'_>,
    store: &Store,
    job: &mut Job,
) -> Result<bool, EraserError> {
    let (batch_key, ordinal) = match job.pass.after.rsplit_once(' ') {
        Some((key, ordinal)) => (key, ordinal.parse().unwrap_or(-1)),
        None => ("", -1),
    };
    let rows = store
        .rejected_after(batch_key, ordinal, REJECTED_AT_ONCE)
        .await?;
    let Some(last) = rows.last() else {
        return Ok(true);
    };
    let after = format!("{} {}", last.batch_key, last.ordinal);
    let items = rows
        .iter()
        .map(|row| (&row.raw[..], (row.batch_key.clone(), row.ordinal)));
    let (mut count, keys) = judge(items, &search.person);
    if search.changes && !keys.is_empty() {
        count.changed = store.erase_rejected(&keys).await?;
    }
    let finding = Finding {
        count,
        problem: None,
    };
    job.add(&Place::RejectedEvents.name(), None, finding);
    job.pass.after = after;
    Ok(false)
}

/// What was found among rows, and the keys of those that go.
fn judge<'r, K>(rows: impl Iterator<Item = (&'r [u8], K)>, person: &Person) -> (Count, Vec<K>) {
    let mut count = Count::default();
    let mut keys = Vec::new();
    for (item, key) in rows {
        count.searched += 1;
        let verdict = verdict_of(Pipeline::EmailEvents, item, person);
        match verdict {
            Verdict::Theirs => count.found += 1,
            Verdict::MentionErased => {
                count.mentioned += 1;
                count.mentions_erased += 1;
            }
            Verdict::Mentioned => count.mentioned += 1,
            Verdict::Unrelated => {}
        }
        if verdict.is_erased() {
            keys.push(key);
        }
    }
    (count, keys)
}

/// Patterns of `ilike` that every text with one of the names has: the letters and digits of the name in their order. Addresses are looked
/// for in the whole event, ids only where an event says whose it is, because a short one is in every event. If mentions are erased, each
/// event is read: a link has the name in base64, which no pattern finds.
fn patterns(person: &Person) -> (Vec<String>, Vec<String>) {
    let pattern = |name: &str| {
        let runs = name
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|run| !run.is_empty());
        let mut pattern = String::from("%");
        for run in runs {
            pattern.push_str(run);
            pattern.push('%');
        }
        pattern
    };
    if person.erases_mentions() {
        return (vec!["%".to_owned()], Vec::new());
    }
    let addresses: Vec<String> = person.addresses().map(pattern).collect();
    let mut in_meta: Vec<String> = person.ids().map(pattern).collect();
    in_meta.extend(addresses.iter().cloned());
    debug_assert!(person.finds_mentions());
    (addresses, in_meta)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_search_goes_on_after_the_last_event() {
        let at = datetime!(2026-01-02 10:00 UTC);
        let last = (at, EventKey::from_u128(0xabc << 100));

        assert_eq!(position(&text_of(last)), last);
        assert_eq!(position("2026-01-02T10:00:00Z"), beginning_of(at));
        assert_eq!(position(""), beginning_of(OffsetDateTime::UNIX_EPOCH));
    }

    #[test]
    fn patterns_are_of_what_no_spelling_changes() {
        let person = Person::new(
            &["\"Jane Doe\"@bücher.example", "a_b%c@x.org"],
            &["user-42"],
        )
        .unwrap();

        let (in_event, in_meta) = patterns(&person);

        assert_eq!(in_event, ["%jane%doe%b%cher%example%", "%a%b%c%x%org%"]);
        assert_eq!(in_meta[0], "%user%42%");
        let (in_event, _) = patterns(&person.deep().unwrap());
        assert_eq!(in_event, ["%"]);
    }
}
