//! Charts as SVG: stacked bars and lines over time, a line for a cell, a bar for a cell, a table of shades.
//!
//! What is stretched (bars) lies in an inner `<svg preserveAspectRatio="none">` whose unit is one piece of time; what is read
//! (labels, grid) lies in the outer one, which has no viewBox, so that letters keep their size on a phone. Colours are classes
//! of the style sheet, for light and dark; there is no `style=` and no script, which the policy of the pages forbids. Callers give
//! labels and links, so this file knows no calendar.
//!
//! Nothing but this module writes markup by hand.

mod geometry;
mod line;

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use crate::text::grouped;
use geometry::{Percent, Scale, steps};
pub(crate) use line::{LineSeries, Lines};

/// One colour of a stack.
#[derive(Debug)]
pub(crate) struct Series<'a> {
    /// A class of the style sheet: never text from outside.
    pub(crate) class: &'static str,
    pub(crate) label: &'static str,
    pub(crate) counts: &'a [u64],
    /// Where its legend leads.
    pub(crate) href: Option<String>,
}

/// Some pieces of time: what a pointer hears there, and where it leads.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) pieces: std::ops::Range<usize>,
    pub(crate) label: String,
    pub(crate) href: Option<String>,
}

/// Bars over time, one colour above the other.
#[derive(Debug)]
pub(crate) struct Stacked<'a> {
    /// Of this page alone: never text from outside.
    pub(crate) id: &'static str,
    pub(crate) title: &'a str,
    pub(crate) summary: &'a str,
    pub(crate) series: &'a [Series<'a>],
    /// The piece, its label, and whether it may be left out on a narrow screen.
    pub(crate) ticks: &'a [(usize, String, bool)],
    pub(crate) zones: &'a [Zone],
}

const TOP: u32 = 18;
const PLOT: u32 = 180;
const HEIGHT: u32 = TOP + PLOT + 24;
/// Up to so many pieces, bars are drawn apart.
const MOST_APART: usize = 60;

impl Stacked<'_> {
    /// The chart and its legend, which is in the order of the stack.
    pub(crate) fn markup(&self) -> Markup {
        let pieces = self
            .series
            .iter()
            .map(|series| series.counts.len())
            .max()
            .unwrap_or(0)
            .max(1);
        let sums = self.sums(pieces);
        let scale = Scale::to(sums.iter().copied().max().unwrap_or(0));
        let (title, summary) = (format!("{}-t", self.id), format!("{}-d", self.id));
        html! {
            svg.chart width="100%" height=(HEIGHT) role="group" aria-labelledby={ (title) " " (summary) } {
                title id=(title) { (self.title) }
                desc id=(summary) { (self.summary) }
                g.grid aria-hidden="true" { (self.grid(&scale, pieces)) }
                svg y=(TOP) width="100%" height=(PLOT) viewBox={ "0 0 " (pieces) " " (geometry::UNITS) } preserveAspectRatio="none" aria-hidden="true" {
                    (self.bars(sums, &scale))
                }
                // Above the bars, with a rim of the background, so that none is hidden.
                g.axis aria-hidden="true" { (axis(&scale)) }
                // Pointers follow these; keyboards and readers have the table.
                @for zone in self.zones { (zone_markup(zone, pieces)) }
            }
            ul.legend {
                @for series in self.series {
                    li {
                        svg viewBox="0 0 10 10" aria-hidden="true" { rect class=(series.class) width="10" height="10" rx="2" {} }
                        @if let Some(href) = &series.href { a href=(href) { (series.label) } } @else { span { (series.label) } }
                        " " span.num { (grouped(series.counts.iter().fold(0, |sum, count| sum.saturating_add(*count)))) }
                    }
                }
            }
        }
    }

    fn sums(&self, pieces: usize) -> Vec<u64> {
        let mut sums = vec![0_u64; pieces];
        for series in self.series {
            for (sum, count) in sums.iter_mut().zip(series.counts) {
                *sum = sum.saturating_add(*count);
            }
        }
        sums
    }

    /// Behind the bars, so that no line cuts them.
    fn grid(&self, scale: &Scale, pieces: usize) -> Markup {
        html! {
            @for (_, share) in scale.lines() {
                @let y = TOP + PLOT - share * PLOT / 1_000;
                line x2="100%" y1=(y) y2=(y) {}
            }
            @for (piece, label, is_minor) in self.ticks {
                @let (x, class) = (Percent(*piece, pieces), if *is_minor { "tick minor" } else { "tick" });
                line class=(class) x1=(x) x2=(x) y1=(TOP + PLOT) y2=(TOP + PLOT + 5) {}
                text class=(class) x=(x) y=(TOP + PLOT + 18) { (label) }
            }
        }
    }

    /// The tallest first, each down to the ground: what comes later covers what is below, and every edge is written once.
    fn bars(&self, mut sums: Vec<u64>, scale: &Scale) -> Markup {
        let is_apart = sums.len() <= MOST_APART;
        let mut out = String::new();
        for series in self.series.iter().rev() {
            let class = if is_apart { "s apart" } else { "s" };
            let _ = write!(
                out,
                "<path class=\"{class} {}\" d=\"{}\"/>",
                series.class,
                steps(&sums, scale, is_apart)
            );
            for (sum, count) in sums.iter_mut().zip(series.counts) {
                *sum = sum.saturating_sub(*count);
            }
        }
        PreEscaped(out)
    }
}

fn axis(scale: &Scale) -> Markup {
    html! {
        @for (value, share) in scale.lines().filter(|(value, _)| *value > 0) {
            text x="0" y=((TOP + PLOT - share * PLOT / 1_000).saturating_sub(4)) { (grouped(value)) }
        }
    }
}

fn zone_markup(zone: &Zone, pieces: usize) -> Markup {
    let rect = html! {
        title { (zone.label) }
        rect.zone x=(Percent(zone.pieces.start, pieces)) y=(TOP) width=(Percent(zone.pieces.len(), pieces)) height=(PLOT) {}
    };
    html! {
        @if let Some(href) = &zone.href { a href=(href) tabindex="-1" aria-hidden="true" { (rect) } }
        @else { g aria-hidden="true" { (rect) } }
    }
}

/// A line without axes, for a cell of a table; the cell beside it says the number.
pub(crate) fn sparkline(class: &'static str, counts: &[u64]) -> Markup {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let mut path = String::with_capacity(counts.len() * 6);
    for (index, count) in counts.iter().enumerate() {
        let height = geometry::share(*count, most, 22);
        let _ = write!(
            path,
            "{}{index} {}",
            if index == 0 { "M" } else { "L" },
            23 - height
        );
    }
    let width = counts.len().saturating_sub(1).max(1);
    html! {
        svg.spark viewBox={ "0 0 " (width) " 24" } preserveAspectRatio="none" aria-hidden="true" { path class={ "l " (class) } d=(path) {} }
    }
}

/// A part of a whole as a bar, for a cell of a table; the cell says the number.
pub(crate) fn bar(class: &'static str, part: u64, whole: u64) -> Markup {
    let width = geometry::share(part, whole.max(1), 1_000);
    html! {
        svg.bar viewBox="0 0 1000 8" preserveAspectRatio="none" aria-hidden="true" { rect class=(class) width=(width) height="8" {} }
    }
}

/// Which of the nine shades a value has, of the largest.
pub(crate) fn shade(value: u64, most: u64) -> &'static str {
    const SHADES: [&str; 9] = ["h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8"];
    let index = geometry::share(value, most.max(1), 8);
    usize::try_from(index)
        .ok()
        .and_then(|index| SHADES.get(index))
        .copied()
        .unwrap_or("h8")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However large the counts, every number of the picture is finite and inside, and labels are escaped.
        #[test]
        fn chart_is_drawn_inside_itself(
            counts in prop::collection::vec(prop::collection::vec(prop_oneof![0_u64..10, any::<u64>()], 1..80), 1..9), label in "[<>\"&a-z]{0,8}",
        ) {
            let series: Vec<_> = counts.iter().map(|counts| Series { class: "t-open", label: "Open", counts, href: None }).collect();
            let zones: Vec<_> = counts[0].iter().enumerate().map(|(index, _)| Zone { pieces: index..index + 1, label: label.clone(), href: Some(label.clone()) }).collect();
            let ticks = [(0, label.clone(), false)];
            let chart = Stacked { id: "c", title: &label, summary: &label, series: &series, ticks: &ticks, zones: &zones };

            let svg = chart.markup().into_string();

            prop_assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
            prop_assert_eq!(svg.matches("<path").count(), series.len());
            prop_assert!(!svg.contains("style=") && !svg.contains("NaN"));
            // Each tag is ours: a stranger's angle bracket or quote begins none.
            let tags = ["svg", "title", "desc", "g", "line", "text", "path", "rect", "a", "ul", "li", "span"];
            for tag in svg.split('<').skip(1) {
                let name = tag.trim_start_matches('/').split([' ', '>', '/']).next().unwrap();
                prop_assert!(tags.contains(&name), "{}", name);
            }
            for number in svg.split("y1=\"").skip(1) {
                let y: u32 = number.split('"').next().unwrap().parse().unwrap();
                prop_assert!((TOP..=TOP + PLOT).contains(&y) || y == TOP + PLOT);
            }
        }

        #[test]
        fn cells_are_drawn_inside_themselves(counts in prop::collection::vec(any::<u64>(), 0..60), part in any::<u64>(), whole in any::<u64>()) {
            let line = sparkline("t-open", &counts).into_string();
            for point in line.split(['M', 'L']).skip(1) {
                if let Some((_, y)) = point.split('"').next().unwrap().split_once(' ') {
                    prop_assert!((1..=23).contains(&y.parse::<i64>().unwrap()), "{}", line);
                }
            }
            let width = bar("t-open", part, whole).into_string();
            let width: u64 = width.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
            prop_assert!(width <= 1_000);
            prop_assert!(shade(part, whole).starts_with('h'));
        }
    }

    #[test]
    fn nothing_but_this_module_writes_markup_by_hand() {
        fn sources(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    sources(&path, found);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        sources(
            &std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut found,
        );

        let by_hand: Vec<_> = found
            .iter()
            .filter(|path| {
                std::fs::read_to_string(path)
                    .unwrap()
                    .contains("PreEscaped(")
            })
            .collect();
        assert!(found.len() > 20);
        assert_eq!(by_hand.len(), 1, "{by_hand:?}");
        assert!(by_hand[0].ends_with("chart.rs"));
    }
}
