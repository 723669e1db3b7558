//! Lines over time: the frame of the stacked bars, with a line for each series.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{
    HEIGHT, PLOT, TOP, Zone, axis,
    geometry::{Percent, Scale, UNITS},
    zone_markup,
};
use crate::text::{beginning, piece, visible};

/// The colours of lines, in their order; there are no more lines than colours.
pub(crate) const COLOURS: [&str; 4] = ["t-delivery", "t-bounce", "t-open", "t-unsubscribe"];
/// Labels of the time below the plot.
const MOST_TICKS: usize = 6;
/// Pieces that are narrower than this many to a chart are not pointed at, and a page has no room for their words.
const MOST_ZONES: usize = 120;

/// Numbers of one name; where there is none, the line has a gap.
#[derive(Debug)]
pub(crate) struct LineSeries<'a> {
    pub(crate) label: &'a str,
    pub(crate) values: &'a [Option<u64>],
}

/// Lines over pieces of time.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    /// Of this page alone: never text from outside.
    pub(crate) id: &'static str,
    pub(crate) title: &'a str,
    /// The label of each piece.
    pub(crate) labels: &'a [String],
    pub(crate) series: &'a [LineSeries<'a>],
}

impl Lines<'_> {
    /// The chart and its legend.
    pub(crate) fn markup(&self) -> Markup {
        let pieces = self.labels.len().max(1);
        let values = self.series.iter().flat_map(|series| series.values);
        let scale = Scale::to(values.flatten().copied().max().unwrap_or(0));
        let title = format!("{}-t", self.id);
        html! {
            svg.chart width="100%" height=(HEIGHT) role="group" aria-labelledby=(title) {
                title id=(title) { (self.title) ". The numbers are in the table below." }
                g.grid aria-hidden="true" { (self.grid(&scale, pieces)) }
                svg y=(TOP) width="100%" height=(PLOT) viewBox={ "0 0 " (pieces) " " (UNITS) } preserveAspectRatio="none" aria-hidden="true" {
                    @for (series, colour) in self.series.iter().zip(COLOURS) { path class={ "l " (colour) } d=(path(series.values, &scale)) {} }
                }
                g.axis aria-hidden="true" { (axis(&scale)) }
                @for zone in self.zones() { (zone_markup(&zone, pieces)) }
            }
            ul.legend {
                @for (series, colour) in self.series.iter().zip(COLOURS) {
                    li {
                        svg viewBox="0 0 10 10" aria-hidden="true" { rect class=(colour) width="10" height="10" rx="2" {} }
                        (piece(series.label, 40, 80))
                    }
                }
            }
        }
    }

    fn grid(&self, scale: &Scale, pieces: usize) -> Markup {
        let step = pieces.div_ceil(MOST_TICKS).max(1);
        html! {
            @for (_, share) in scale.lines() {
                @let y = TOP + PLOT - share * PLOT / 1_000;
                line x2="100%" y1=(y) y2=(y) {}
            }
            @for (index, label) in self.labels.iter().enumerate().step_by(step) {
                @let class = if (index / step).is_multiple_of(2) { "tick" } else { "tick minor" };
                line class=(class) x1=(Percent(index, pieces)) x2=(Percent(index, pieces)) y1=(TOP + PLOT) y2=(TOP + PLOT + 5) {}
                text class=(class) x=(Percent(index, pieces)) y=(TOP + PLOT + 18) { (visible(beginning(label, 10, 20).0)) }
            }
        }
    }

    /// What a pointer hears at each piece.
    fn zones(&self) -> impl Iterator<Item = Zone> {
        let pointed_at = if self.labels.len() > MOST_ZONES {
            &[]
        } else {
            self.labels
        };
        pointed_at.iter().enumerate().map(|(index, label)| {
            let mut words = label.clone();
            for series in self.series {
                let value = series.values.get(index).copied().flatten();
                let value = value.map_or_else(|| "–".to_owned(), |value| value.to_string());
                let _ = write!(words, " · {} {value}", series.label);
            }
            Zone {
                pieces: index..index + 1,
                label: visible(beginning(&words, 120, 300).0).into_owned(),
                href: None,
            }
        })
    }
}

/// The middle of a piece is the half of its unit. A number between two gaps is a short dash.
fn path(values: &[Option<u64>], scale: &Scale) -> String {
    let mut path = String::new();
    let at = |index: usize| values.get(index).copied().flatten();
    for (index, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        let y = UNITS - scale.height(*value);
        let follows = index.checked_sub(1).and_then(at).is_some();
        if follows {
            let _ = write!(path, "L{index}.5 {y}");
        } else if at(index + 1).is_some() {
            let _ = write!(path, "M{index}.5 {y}");
        } else {
            let _ = write!(path, "M{index}.2 {y}h.6");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gaps_are_gaps() {
        let values = [Some(0), Some(10), None, Some(5), None];

        assert_eq!(path(&values, &Scale::to(10)), "M0.5 1000L1.5 0M3.2 500h.6");
    }

    proptest! {
        #[test]
        fn lines_are_drawn_inside_themselves_and_labels_are_escaped(
            values in prop::collection::vec(prop::option::of(any::<u64>()), 1..60), label in "[<>\"&a-z]{0,8}",
        ) {
            let labels = vec![label.clone(); values.len()];
            let series = [LineSeries { label: &label, values: &values }];

            let svg = Lines { id: "c", title: &label, labels: &labels, series: &series }.markup().into_string();

            prop_assert!(!svg.contains("style=") && !svg.contains("NaN"));
            let tags = ["svg", "title", "g", "line", "text", "path", "rect", "ul", "li", "bdi"];
            for tag in svg.split('<').skip(1) {
                let name = tag.trim_start_matches('/').split([' ', '>', '/']).next().unwrap();
                prop_assert!(tags.contains(&name), "{}", name);
            }
            let line = path(&values, &Scale::to(values.iter().flatten().copied().max().unwrap_or(0)));
            for point in line.split(['M', 'L']).skip(1) {
                let (_, y) = point.split_once(' ').unwrap();
                let y: u64 = y.trim_end_matches("h.6").parse().unwrap();
                prop_assert!(y <= UNITS);
            }
        }
    }
}
