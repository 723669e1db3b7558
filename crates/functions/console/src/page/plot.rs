//! Series over the pieces of a range as a chart whose pieces lead to their events.

use maud::{Markup, html};

use crate::{
    buckets::{Buckets, Span},
    chart::{Series, Stacked, Zone},
    search::Search,
    text::grouped,
};

/// The chart of what `search` finds, and its numbers as a table for people who cannot point at it. `id` is the page's own.
pub(super) fn over_time(
    id: &'static str,
    title: &str,
    buckets: &Buckets,
    series: &[Series<'_>],
    search: &Search,
) -> Markup {
    chart(id, title, buckets, series, search, search.is_short())
}

/// The same of events that no search finds.
pub(super) fn without_links(
    id: &'static str,
    title: &str,
    buckets: &Buckets,
    series: &[Series<'_>],
    search: &Search,
) -> Markup {
    chart(id, title, buckets, series, search, false)
}

fn chart(
    id: &'static str,
    title: &str,
    buckets: &Buckets,
    series: &[Series<'_>],
    search: &Search,
    is_linked: bool,
) -> Markup {
    let spans = buckets.spans();
    let zone = |span: &Span| {
        let time = search.range.other(span.time.from, span.time.to);
        Zone {
            label: words(span, series),
            href: is_linked.then(|| search.within(time).link("/console/events")),
            pieces: span.pieces.clone(),
        }
    };
    let zones: Vec<_> = spans.iter().map(zone).collect();
    let range = &search.range;
    let summary = format!(
        "By {}, from {} to {}, {}. The numbers are in the table below.",
        buckets.unit.words(),
        range.zone.minute(range.from),
        range.zone.minute(range.to),
        range.zone.name
    );
    let ticks = &buckets.ticks();
    let chart = Stacked {
        id,
        title,
        summary: &summary,
        series,
        ticks,
        zones: &zones,
    };
    html! { (chart.markup()) (numbers(title, &spans, series)) }
}

fn numbers(title: &str, spans: &[Span], series: &[Series<'_>]) -> Markup {
    html! {
        details {
            summary { "Numbers of this plot" }
            div.scroll tabindex="0" role="region" aria-label={ "Numbers: " (title) } {
                table {
                    thead { tr { th scope="col" { "Time" } @for series in series { th.num scope="col" { (series.label) } } } }
                    tbody {
                        @for span in spans {
                            tr { th scope="row" { (span.words) } @for series in series { td.num { (grouped(sum(span, series))) } } }
                        }
                    }
                }
            }
        }
    }
}

fn sum(span: &Span, series: &Series<'_>) -> u64 {
    let counts = series.counts.get(span.pieces.clone()).unwrap_or_default();
    counts
        .iter()
        .fold(0, |sum, count| sum.saturating_add(*count))
}

/// What happened in a span, and when that was.
fn words(span: &Span, series: &[Series<'_>]) -> String {
    let counts: Vec<_> = series
        .iter()
        .map(|series| (series.label, sum(span, series)))
        .filter(|(_, sum)| *sum > 0)
        .map(|(label, sum)| format!("{label} {}", grouped(sum)))
        .collect();
    if counts.is_empty() {
        format!("{}: nothing", span.words)
    } else {
        format!("{}: {}", span.words, counts.join(" · "))
    }
}
