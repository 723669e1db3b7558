//! Which plot fits the rows of a query: decided by what stands in them, as nobody knows what a statement tells.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime};

/// A plot of whole numbers. Other results are shown as a table alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plot {
    /// A day or time, then numbers: one line for each column of them.
    Line(Line),
    /// A text, then a number.
    Bars(Vec<(String, u64)>),
    /// Steps counted from one, each with a name and a number.
    Funnel(Vec<(String, u64)>),
    /// A day, how many periods later, and a number: one row for each day.
    Triangle(Triangle),
}

/// Numbers over time. Days without a row are gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) labels: Vec<String>,
    pub(crate) series: Vec<(String, Vec<Option<u64>>)>,
}

/// Numbers by a first day and the periods since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Triangle {
    pub(crate) periods: usize,
    pub(crate) rows: Vec<(String, Vec<Option<u64>>)>,
}

/// More lines are not told apart.
const MOST_LINES: usize = 4;
/// A line of more points is no longer followed.
const MOST_POINTS: usize = 400;
/// The bars that a page has room for, and the most rows of which the first are meant.
const MOST_BARS: usize = 20;
const MOST_BAR_ROWS: usize = 1_000;
const MOST_STEPS: usize = 12;
/// More periods do not fit beside each other.
const MOST_PERIODS: usize = 53;
const MOST_COHORTS: usize = 26;

type Row = Vec<Option<String>>;

impl Plot {
    /// The plot of a result, if one fits.
    pub(crate) fn of(columns: &[String], rows: &[Row]) -> Option<Self> {
        triangle(columns, rows)
            .map(Self::Triangle)
            .or_else(|| funnel(columns, rows).map(Self::Funnel))
            .or_else(|| line(columns, rows).map(Self::Line))
            .or_else(|| bars(columns, rows).map(Self::Bars))
    }
}

fn text(row: &Row, column: usize) -> Option<&str> {
    row.get(column)?.as_deref()
}

fn number(row: &Row, column: usize) -> Option<u64> {
    text(row, column)?.parse().ok()
}

/// A day, also at its midnight, as engines write a truncated time.
fn day(text: &str) -> Option<Date> {
    let day = text
        .strip_suffix(" 00:00:00")
        .or_else(|| text.strip_suffix(" 00:00:00.000"))
        .unwrap_or(text);
    (day.len() == 10).then(|| day.parse().ok())?
}

fn is_time(text: &str) -> bool {
    text.parse::<DateTime>().is_ok()
}

fn triangle(columns: &[String], rows: &[Row]) -> Option<Triangle> {
    if columns.len() != 3 || rows.len() < 2 {
        return None;
    }
    let mut found: Vec<(String, Vec<Option<u64>>)> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut periods = 0;
    for row in rows {
        let first = day(text(row, 0)?)?.to_string();
        let later = usize::try_from(number(row, 1)?).ok()?;
        let count = number(row, 2)?;
        if later >= MOST_PERIODS || !seen.insert((first.clone(), later)) {
            return None;
        }
        periods = periods.max(later + 1);
        if found.last().is_none_or(|(last, _)| *last != first) {
            found.push((first, Vec::new()));
        }
        let counts = &mut found.last_mut()?.1;
        if counts.len() <= later {
            counts.resize(later + 1, None);
        }
        *counts.get_mut(later)? = Some(count);
    }
    let begins_at_zero = found
        .iter()
        .all(|(_, counts)| counts.first().copied().flatten().is_some());
    let days: BTreeSet<_> = found.iter().map(|(first, _)| first).collect();
    let is_one_row_a_day = days.len() == found.len() && found.len() <= MOST_COHORTS;
    (begins_at_zero && is_one_row_a_day).then_some(Triangle {
        periods,
        rows: found,
    })
}

fn funnel(columns: &[String], rows: &[Row]) -> Option<Vec<(String, u64)>> {
    let is_of_steps = columns.len() == 3 && columns.first().is_some_and(|name| name == "step");
    if !is_of_steps || !(2..=MOST_STEPS).contains(&rows.len()) {
        return None;
    }
    let steps = rows.iter().zip(1..).map(|(row, step)| {
        let name = text(row, 1)?.to_owned();
        (number(row, 0)? == step).then_some((name, number(row, 2)?))
    });
    steps.collect()
}

fn line(columns: &[String], rows: &[Row]) -> Option<Line> {
    let is_line = (2..=MOST_LINES + 1).contains(&columns.len())
        && (2..=MOST_POINTS).contains(&rows.len())
        && rows.iter().all(|row| text(row, 0).is_some_and(is_time));
    if !is_line {
        return None;
    }
    let times: Vec<&str> = rows.iter().filter_map(|row| text(row, 0)).collect();
    if !times.is_sorted_by(|one, next| one < next) {
        return None;
    }
    let days: Option<Vec<Date>> = times.iter().map(|time| day(time)).collect();
    let labels = days
        .as_deref()
        .and_then(all_days)
        .unwrap_or_else(|| times.iter().map(|time| (*time).to_owned()).collect());
    let place = |time: &str| {
        let label = day(time).map_or_else(|| time.to_owned(), |day| day.to_string());
        labels
            .iter()
            .position(|known| *known == label || *known == time)
    };
    let mut series = Vec::new();
    for (column, name) in columns.iter().enumerate().skip(1) {
        let mut values = vec![None; labels.len()];
        for row in rows {
            *values.get_mut(place(text(row, 0)?)?)? = match text(row, column) {
                Some(text) => Some(text.parse().ok()?),
                None => None,
            };
        }
        series.push((name.clone(), values));
    }
    Some(Line { labels, series })
}

/// Each day from the first to the last.
fn all_days(days: &[Date]) -> Option<Vec<String>> {
    let (first, last) = (*days.first()?, *days.last()?);
    let mut all = Vec::new();
    let mut day = first;
    while day <= last {
        all.push(day.to_string());
        if all.len() > MOST_POINTS {
            return None;
        }
        day = day.tomorrow().ok()?;
    }
    Some(all)
}

fn bars(columns: &[String], rows: &[Row]) -> Option<Vec<(String, u64)>> {
    if columns.len() < 2 || !(2..=MOST_BAR_ROWS).contains(&rows.len()) {
        return None;
    }
    // The first column may have a row for what has no value.
    let values: Option<Vec<_>> = rows
        .iter()
        .map(|row| {
            let name = text(row, 0).unwrap_or("–").to_owned();
            Some((name, number(row, 1)?))
        })
        .collect();
    let mut values = values?;
    let is_of_names = values.iter().any(|(name, _)| name.parse::<f64>().is_err());
    values.truncate(MOST_BARS);
    is_of_names.then_some(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Row> {
        let cell = |text: &&str| (!text.is_empty()).then(|| (*text).to_owned());
        rows.iter()
            .map(|row| row.iter().map(cell).collect())
            .collect()
    }

    fn plot(columns: &[&str], cells: &[&[&str]]) -> Option<Plot> {
        let columns: Vec<_> = columns.iter().map(|name| (*name).to_owned()).collect();
        Plot::of(&columns, &rows(cells))
    }

    #[test]
    fn results_of_the_named_queries_have_their_plots() {
        let funnel = plot(
            &["step", "event", "users"],
            &[&["1", "page_view", "9"], &["2", "add_to_cart", "4"]],
        );
        assert_eq!(
            funnel,
            Some(Plot::Funnel(vec![
                ("page_view".to_owned(), 9),
                ("add_to_cart".to_owned(), 4)
            ]))
        );

        let triangle = plot(
            &["first_week", "weeks_later", "users"],
            &[
                &["2026-11-02", "0", "9"],
                &["2026-11-02", "2", "3"],
                &["2026-11-09", "0", "5"],
            ],
        );
        let Some(Plot::Triangle(triangle)) = triangle else {
            panic!("{triangle:?}");
        };
        assert_eq!(triangle.periods, 3);
        assert_eq!(triangle.rows[0].1, [Some(9), None, Some(3)]);

        let line = plot(
            &["day", "users", "events"],
            &[&["2026-11-01", "1", "2"], &["2026-11-03", "3", ""]],
        );
        let Some(Plot::Line(line)) = line else {
            panic!("{line:?}");
        };
        assert_eq!(line.labels, ["2026-11-01", "2026-11-02", "2026-11-03"]);
        assert_eq!(line.series[0].1, [Some(1), None, Some(3)]);
        assert_eq!(line.series[1].1, [Some(2), None, None]);

        let bars = plot(
            &["event", "events", "users"],
            &[&["LOGIN", "9", "1"], &["", "4", "1"]],
        );
        assert_eq!(
            bars,
            Some(Plot::Bars(vec![
                ("LOGIN".to_owned(), 9),
                ("–".to_owned(), 4)
            ]))
        );
    }

    #[test]
    fn hours_are_a_line_and_what_is_no_plot_is_none() {
        let hours: &[&[&str]] = &[
            &["2026-11-01 10:00:00", "1"],
            &["2026-11-01 11:00:00.000", "2"],
        ];
        assert!(matches!(plot(&["hour", "n"], hours), Some(Plot::Line(_))));

        let weeks: &[&[&str]] = &[
            &["2026-11-02 00:00:00.000", "1"],
            &["2026-11-09 00:00:00.000", "2"],
        ];
        let Some(Plot::Line(line)) = plot(&["week", "n"], weeks) else {
            panic!("weeks are a line");
        };
        assert_eq!(line.series[0].1.iter().flatten().count(), 2);

        for (columns, cells) in [
            (&["users"][..], &[&["7"][..]][..]),
            (&["a", "b"], &[&["1", "2"], &["3", "4"]]),
            (&["event", "share"], &[&["a", "0.5"], &["b", "0.25"]]),
            (&["event", "n"], &[&["a", "-1"], &["b", "1"]]),
            (&["day", "n"], &[&["2026-11-02", "x"], &["2026-11-03", "y"]]),
            (&["a", "b", "c"], &[]),
        ] {
            assert_eq!(plot(columns, cells), None, "{cells:?}");
        }
    }

    proptest! {
        /// Whatever a statement answers, and with rows of any length.
        #[test]
        fn any_result_has_a_plot_or_none(
            columns in prop::collection::vec(prop_oneof![Just("step".to_owned()), ".{0,5}"], 0..6),
            rows in prop::collection::vec(prop::collection::vec(prop::option::of(prop_oneof![
                any::<u64>().prop_map(|n| n.to_string()),
                (0_u64..9).prop_map(|n| n.to_string()),
                (1_i8..29).prop_map(|day| format!("2026-11-{day:02}")),
                (1_i16..9999).prop_map(|year| format!("{year:04}-01-01 00:00:00")),
                ".{0,6}",
            ]), 0..6), 0..12),
        ) {
            match Plot::of(&columns, &rows) {
                Some(Plot::Line(line)) => {
                    prop_assert!(line.series.iter().all(|(_, values)| values.len() == line.labels.len()));
                }
                Some(Plot::Triangle(triangle)) => {
                    prop_assert!(triangle.rows.iter().all(|(_, counts)| counts.len() <= triangle.periods));
                }
                Some(Plot::Bars(values) | Plot::Funnel(values)) => prop_assert!(values.len() >= 2),
                None => {}
            }
        }
    }
}
