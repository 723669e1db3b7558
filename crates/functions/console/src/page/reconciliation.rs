//! What the reconciler found on the last days.

use maud::{Markup, html};

use crate::{
    reconciliation::{Day, Reconciliation, Records, Sums},
    text::grouped,
};

const TITLE: &str = "Reconciliation of the last two days";

/// The section of the overview; nothing for a console that knows no records.
pub(super) async fn section(reconciliation: &Reconciliation) -> Markup {
    told(&reconciliation.last_days().await)
}

/// That all is well, that it is not known, and that nothing was counted yet look different.
fn told(records: &Records) -> Markup {
    let content = match records {
        Records::Nowhere => return html! {},
        Records::Unreadable => html! {
            p.warn { "Not known: the records of the reconciler cannot be read. The log of the console's function has the reason." }
        },
        Records::Read(days) if days.is_empty() => html! {
            p.note { "The reconciler has not run yet, so nothing is compared." }
        },
        Records::Read(days) => table(days),
    };
    html! { section.panel { h2 { (TITLE) } (content) } }
}

fn table(days: &[Day]) -> Markup {
    let missing: u64 = days.iter().flat_map(|day| day.unreconciled.values()).sum();
    html! {
        div.scroll tabindex="0" role="region" aria-label=(TITLE) {
            table {
                thead { tr {
                    th scope="col" { "Day (UTC)" } th scope="col" { "Events" } th scope="col" { "Where" }
                    th.num scope="col" { "Objects" } th.num scope="col" { "Waiting" } th.num scope="col" { "Items" }
                    th.num scope="col" { "Stored" } th.num scope="col" { "Rejected" } th.num scope="col" { "Difference" }
                } }
                tbody {
                    @for day in days {
                        @for sums in &day.sums {
                            tr { th scope="row" { (day.date) } (cells(sums)) }
                        }
                    }
                }
            }
        }
        @for day in days {
            p.note {
                (day.date) ": counted at " (day.reconciled_at) ", "
                @if day.is_settled { "complete." }
                @else if day.finding_count == 0 { "nothing is missing so far." }
                @else { (grouped(day.finding_count)) @if day.finding_count == 1 { " finding" } @else { " findings" } "; what can be repaired was sent again." }
            }
        }
        @if missing > 0 {
            p.warn { (grouped(missing)) " items or objects stay missing although they were sent again; " code { "cistern audit" } " names them." }
        }
        p.note { "Items are counted in the raw objects, and stored ones in Postgres and the lake, independently." }
    }
}

fn cells(sums: &Sums) -> Markup {
    let events = match sums.pipeline.as_str() {
        "email_events" => "Email events",
        "app_events" => "App events",
        "product_events" => "Product events",
        other => other,
    };
    let place = if sums.side == "postgres" {
        "Postgres"
    } else {
        "Lake"
    };
    html! {
        td { (events) } td { (place) }
        td.num { (grouped(sums.objects)) } td.num { (grouped(sums.waiting)) } td.num { (grouped(sums.items)) }
        td.num { (grouped(sums.stored)) } td.num { (grouped(sums.rejected)) }
        td.num { @if sums.difference == 0 { "0 ✓" } @else { span.err { (sums.difference) } } }
    }
}

#[cfg(test)]
mod records_tests;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn day(difference: i64, unreconciled: u64) -> Day {
        let record = json!({
            "day": "2026-11-20", "reconciled_at": "2026-11-21T03:00:00Z", "is_settled": difference == 0,
            "unreconciled": { "email_events": unreconciled }, "finding_count": difference, "findings": [], "sent": [],
            "sums": [{
                "pipeline": "email_events", "side": "postgres", "objects": 12, "waiting": 0, "items": 1_234, "stored": 1_230,
                "rejected": 4 - difference, "difference": difference,
            }],
        });
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn a_day_is_told_with_both_sides_and_what_stays_missing() {
        let complete = table(&[day(0, 0)]).into_string();
        let missing = table(&[day(2, 2)]).into_string();

        for words in ["Email events", "1\u{202f}234", "0 ✓", "complete."] {
            assert!(complete.contains(words), "{words}: {complete}");
        }
        assert!(!complete.contains("stay missing"));
        for words in ["2 findings", "2 items or objects stay missing"] {
            assert!(missing.contains(words), "{words}: {missing}");
        }
    }
}
