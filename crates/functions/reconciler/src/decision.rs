//! Of a day's report: what is sent again now, and what stays although it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use audit::{Report, Side};
use time::{Date, OffsetDateTime};

use crate::record::Sent;

/// Notifications of one day and run. More than that is no slip but an outage, and the next run goes on.
pub(crate) const MAX_SENT: usize = 1_000;

/// What follows from a report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Objects whose notifications go back to their queues.
    pub(crate) to_send: BTreeSet<(Side, String)>,
    /// By pipeline, what is missing and does not come back by itself.
    pub(crate) unreconciled: BTreeMap<&'static str, u64>,
}

impl Decision {
    /// Each object is sent once. If it is missing after `wait`, somebody has to look.
    pub(crate) fn of(
        report: &Report,
        sent: &[Sent],
        now: OffsetDateTime,
        wait: Duration,
        max_sent: usize,
    ) -> Self {
        let sent: BTreeMap<(Side, &str), OffsetDateTime> = sent
            .iter()
            .map(|sent| ((sent.side, sent.object.as_str()), sent.at))
            .collect();
        let mut to_send = BTreeSet::new();
        let mut unreconciled: BTreeMap<&'static str, u64> =
            report.sums.iter().map(|sums| (sums.pipeline, 0)).collect();
        for finding in &report.findings {
            let stays = match sent.get(&(finding.side, finding.object.as_str())) {
                _ if !finding.may_be_sent_again() => true,
                Some(at) => *at + wait <= now,
                None => {
                    if to_send.len() < max_sent {
                        to_send.insert((finding.side, finding.object.clone()));
                    }
                    false
                }
            };
            *unreconciled.entry(finding.pipeline).or_default() += u64::from(stays);
        }
        // Both sides are counted by themselves, so they may differ without anything that is missing by name.
        for sums in &report.sums {
            let is_explained = report
                .findings
                .iter()
                .any(|finding| (finding.pipeline, finding.side) == (sums.pipeline, sums.side));
            if !is_explained {
                *unreconciled.entry(sums.pipeline).or_default() += sums.difference.unsigned_abs();
            }
        }
        Self {
            to_send,
            unreconciled,
        }
    }
}

/// Whether nothing more is to be expected of a day: it is over, all that arrived on it has had its time, and nothing is missing.
pub(crate) fn is_settled(report: &Report, day: Date, now: OffsetDateTime, wait: Duration) -> bool {
    let end = day.midnight().assume_utc() + time::Duration::DAY;
    end + wait <= now && report.is_clean() && report.sums.iter().all(|sums| sums.waiting == 0)
}

#[cfg(test)]
mod tests {
    use audit::{Finding, Sums, What};
    use time::macros::{date, datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);
    const HOUR: Duration = Duration::from_hours(1);

    fn finding(side: Side, what: What, object: &str) -> Finding {
        Finding {
            pipeline: "email_events",
            side,
            what,
            object: object.to_owned(),
            item: None,
            detail: None,
        }
    }

    /// The sums of the side that the findings are about.
    fn report(difference: i64, findings: Vec<Finding>) -> Report {
        let side = findings.first().map_or(Side::Postgres, |it| it.side);
        let sums = Sums {
            pipeline: "email_events",
            side,
            objects: 1,
            waiting: 0,
            items: 1,
            stored: 1,
            rejected: 0,
            difference,
        };
        Report {
            day: "2026-11-20".to_owned(),
            sums: vec![sums],
            findings,
        }
    }

    fn sent(side: Side, object: &str, at: OffsetDateTime) -> Sent {
        Sent {
            side,
            object: object.to_owned(),
            at,
        }
    }

    fn decided(report: &Report, earlier: &[Sent]) -> (Vec<(Side, String)>, u64) {
        let decision = Decision::of(report, earlier, NOW, HOUR, 3);
        let unreconciled = decision.unreconciled["email_events"];
        (decision.to_send.into_iter().collect(), unreconciled)
    }

    #[test]
    fn a_missing_object_is_sent_once_and_stays_if_it_is_missing_after_its_time() {
        let missing = report(
            1,
            vec![finding(Side::Postgres, What::ObjectNotProcessed, "a")],
        );
        let at = |at| decided(&missing, &[sent(Side::Postgres, "a", at)]);
        let again = vec![(Side::Postgres, "a".to_owned())];

        assert_eq!(decided(&missing, &[]), (again.clone(), 0));
        assert_eq!(at(NOW - HOUR + Duration::from_secs(1)), (vec![], 0));
        assert_eq!(at(NOW - HOUR), (vec![], 1));
        // The other side has a queue of its own.
        let other = [sent(Side::Lake, "a", NOW - HOUR)];
        assert_eq!(decided(&missing, &other), (again, 0));
    }

    #[test]
    fn an_object_with_several_findings_is_sent_once_and_a_run_sends_so_many() {
        let file = |object: &str| finding(Side::Lake, What::FileMissing, object);
        let files = ["a", "a", "b", "c", "d"].map(file);

        let (to_send, unreconciled) = decided(&report(5, files.into()), &[]);

        let objects: Vec<&str> = to_send.iter().map(|(_, object)| object.as_str()).collect();
        assert_eq!((objects, unreconciled), (vec!["a", "b", "c"], 0));
    }

    #[test]
    fn what_does_not_come_back_by_sending_is_told_at_once() {
        for (side, what) in [
            (Side::Postgres, What::RowMissing),
            (Side::Postgres, What::RejectionMissing),
            (Side::Postgres, What::ObjectMissing),
            (Side::Lake, What::ObjectUnreadable),
        ] {
            let told = decided(&report(1, vec![finding(side, what, "a")]), &[]);
            assert_eq!(told, (vec![], 1), "{what:?}");
        }
    }

    #[test]
    fn a_difference_without_a_name_is_told() {
        assert_eq!(decided(&report(0, vec![]), &[]), (vec![], 0));
        assert_eq!(decided(&report(-3, vec![]), &[]), (vec![], 3));
    }

    #[test]
    fn a_day_is_settled_when_it_is_over_and_nothing_is_missing() {
        let clean = report(0, vec![]);
        let mut waiting = report(0, vec![]);
        waiting.sums[0].waiting = 1;
        let yesterday = date!(2026 - 11 - 20);

        assert!(is_settled(&clean, yesterday, NOW, HOUR));
        assert!(!is_settled(&clean, date!(2026 - 11 - 21), NOW, HOUR));
        assert!(!is_settled(&clean, yesterday, NOW, HOUR * 13));
        assert!(!is_settled(&waiting, yesterday, NOW, HOUR));
        assert!(!is_settled(&report(1, vec![]), yesterday, NOW, HOUR));
    }
}
