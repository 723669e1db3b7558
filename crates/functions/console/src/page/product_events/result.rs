//! What a query found: how far it is, the plot that fits, the rows, what they cost.

use aws_io::athena::{Execution, ExecutionState, ResultRows, lost_a_file};
use maud::{Markup, html};

use crate::{
    chart::{LineSeries, Lines, bar, shade},
    lake::Run,
    price::{price, size},
    shape::{Line, Plot, Triangle},
    text::{beginning, cell, csv_cell, escaped_len, grouped, piece},
};

/// Rows of a page, and the bytes that they may take.
const MOST_ROWS: usize = 200;
const MOST_BYTES: usize = 30_000;
/// More columns are in the file.
const MOST_COLUMNS: usize = 40;

/// The section of a run. `again` leads to this page, `file` to the rows as CSV.
pub(super) fn section(run: &Run, again: &str, file: &str) -> Markup {
    let execution = &run.execution;
    match (&execution.state, &run.result) {
        (ExecutionState::Succeeded, Some(result)) => html! {
            section.panel {
                h2 { "Result" }
                (found(result, execution))
                (plot(result))
                (table(result))
                p { a href=(file) { "CSV for spreadsheets" } @if result.is_cut { span.note { " (its first 10 000 rows)" } } }
                (statement(execution))
            }
        },
        (ExecutionState::Failed { reason }, _) => html! {
            section.panel.problem role="alert" {
                h2 { "Athena has no result" }
                p { (piece(reason, 1_000, 3_000)) }
                @if lost_a_file(reason) { p { "A file was merged into another one meanwhile. Run the query again." } }
                p.note { (size(execution.scanned_bytes)) " read, " (price(execution.scanned_bytes)) "." }
                (statement(execution))
            }
        },
        (ExecutionState::Running | ExecutionState::Succeeded, _) => html! {
            section.panel data-wait="3" {
                h2 { "Still running" }
                p { (size(execution.scanned_bytes)) " read so far. This page can be left and loaded again later: its address keeps the run. " a href=(again) { "Look again" } "." }
                (statement(execution))
            }
        },
    }
}

fn found(result: &ResultRows, execution: &Execution) -> Markup {
    let count = result.rows.len() as u64;
    html! {
        p {
            @if result.is_cut { "The first " (grouped(count)) " rows" } @else if count == 1 { "1 row" } @else { (grouped(count)) " rows" }
            " · " (size(execution.scanned_bytes)) " read, " b { (price(execution.scanned_bytes)) }
            @if let Some(duration) = execution.duration { " · " (format!("{:.1} s", duration.as_secs_f64())) }
        }
        @if count == 0 { p.note { "Nothing was found. New events are there a few minutes after they arrive." } }
    }
}

fn statement(execution: &Execution) -> Markup {
    html! { details { summary { "Its SQL" } pre { (piece(&execution.sql, 4_000, 8_000)) } } }
}

fn plot(result: &ResultRows) -> Markup {
    match Plot::of(&result.columns, &result.rows) {
        Some(Plot::Line(line)) => lines(&line),
        Some(Plot::Bars(values)) => bars("Bars", &values, None),
        Some(Plot::Funnel(steps)) => bars("Funnel", &steps, steps.first().map(|(_, count)| *count)),
        Some(Plot::Triangle(triangle)) => cohorts(&triangle),
        None => html! {},
    }
}

fn lines(line: &Line) -> Markup {
    let series: Vec<_> = line
        .series
        .iter()
        .map(|(label, values)| LineSeries { label, values })
        .collect();
    let chart = Lines {
        id: "result",
        title: "Result over time",
        labels: &line.labels,
        series: &series,
    };
    chart.markup()
}

/// Bars by name; of a funnel with the share of its first step, and of the step before.
fn bars(label: &str, values: &[(String, u64)], first: Option<u64>) -> Markup {
    let most = values.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let before = std::iter::once(first).chain(values.iter().map(|(_, count)| Some(*count)));
    html! {
        div.scroll tabindex="0" role="region" aria-label=(label) {
            table.bars {
                @if first.is_some() {
                    thead { tr { th scope="col" { "Step" } th scope="col" { "Reached" } th.num scope="col" { "Number" } th.num scope="col" { "Of the first" } th.num scope="col" { "Of the step before" } } }
                } @else {
                    thead { tr { th scope="col" { "Value" } th scope="col" { "Size" } th.num scope="col" { "Number" } } }
                }
                tbody {
                    @for ((name, count), before) in values.iter().zip(before) {
                        tr {
                            th scope="row" { (cell(name)) }
                            td { (bar("t-delivery", *count, most)) }
                            td.num { (grouped(*count)) }
                            @if let Some(first) = first { td.num { (share(*count, first)) } td.num { (share(*count, before.unwrap_or(first))) } }
                        }
                    }
                }
            }
        }
    }
}

fn share(part: u64, whole: u64) -> String {
    crate::rates::percent(part, whole).unwrap_or_else(|| "–".to_owned())
}

/// The rows of a triangle, shaded by their share of the row's beginning.
fn cohorts(triangle: &Triangle) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Retention" {
            table.heat {
                thead { tr { th scope="col" { "From" } @for period in 0..triangle.periods { th scope="col" { (period) } } } }
                tbody {
                    @for (first, counts) in &triangle.rows {
                        @let whole = counts.first().copied().flatten().unwrap_or(0);
                        tr {
                            th scope="row" { (first) }
                            @for count in counts {
                                @match count {
                                    Some(count) => td class=(shade(*count, whole)) { (grouped(*count)) },
                                    None => td {},
                                }
                            }
                        }
                    }
                }
            }
        }
        p.note { "Each row begins with the people first seen then; a shade is a share of them, by the number of periods later." }
    }
}

fn table(result: &ResultRows) -> Markup {
    let columns = result.columns.len().min(MOST_COLUMNS);
    let is_number: Vec<bool> = (0..columns)
        .map(|column| is_of_numbers(result, column))
        .collect();
    let shown = shown_rows(result);
    html! {
        @if !shown.is_empty() {
            div.scroll tabindex="0" role="region" aria-label="Rows" {
                table {
                    thead { tr { @for (name, is_number) in result.columns.iter().zip(&is_number) { th.num[*is_number] scope="col" { (piece(name, 40, 80)) } } } }
                    tbody {
                        @for row in shown {
                            tr { @for (value, is_number) in row.iter().zip(&is_number) { td.num[*is_number] { @match value { Some(text) => (cell(text)), None => span.note { "–" } } } } }
                        }
                    }
                }
            }
            @let left_out = result.rows.len() - shown.len();
            @if left_out > 0 || result.columns.len() > columns { p.note { "More rows or columns than a page has room for are in the file." } }
        }
    }
}

/// The first rows, as many as a page has room for.
fn shown_rows(result: &ResultRows) -> &[Vec<Option<String>>] {
    let mut bytes = 0;
    let room = result.rows.iter().take(MOST_ROWS).take_while(|row| {
        let cells = row.iter().take(MOST_COLUMNS).flatten();
        bytes += cells
            .map(|text| 30 + escaped_len(beginning(text, 80, 200).0))
            .sum::<usize>();
        bytes <= MOST_BYTES
    });
    let count = room.count();
    result.rows.get(..count).unwrap_or_default()
}

fn is_of_numbers(result: &ResultRows, column: usize) -> bool {
    let mut values = result
        .rows
        .iter()
        .take(MOST_ROWS)
        .filter_map(|row| row.get(column)?.as_deref());
    let are_numbers = values.clone().all(|value| value.parse::<f64>().is_ok());
    are_numbers && values.next().is_some()
}

/// The rows as a file, with the mark by which Excel knows UTF-8. A number is written as it is.
pub(super) fn csv(result: &ResultRows) -> String {
    let mut out = String::from("\u{feff}");
    let names: Vec<_> = result.columns.iter().map(|name| csv_cell(name)).collect();
    out.push_str(&names.join(","));
    out.push_str("\r\n");
    for row in &result.rows {
        let cells: Vec<_> = row
            .iter()
            .map(|value| match value {
                Some(text) if text.parse::<f64>().is_ok() => text.clone(),
                Some(text) => csv_cell(text),
                None => String::new(),
            })
            .collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(columns: &[&str], rows: Vec<Vec<Option<String>>>) -> ResultRows {
        ResultRows {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            rows,
            is_cut: false,
        }
    }

    #[test]
    fn file_keeps_numbers_and_disarms_formulas() {
        let row = |cells: [Option<&str>; 3]| cells.map(|cell| cell.map(str::to_owned)).to_vec();
        let result = result(
            &["event", "n", "=x"],
            vec![
                row([Some("=1+1"), Some("-7"), None]),
                row([Some("a,\"b"), Some("1.5E3"), Some("x")]),
            ],
        );

        assert_eq!(
            csv(&result),
            "\u{feff}event,n,'=x\r\n'=1+1,-7,\r\n\"a,\"\"b\",1.5E3,x\r\n"
        );
    }

    #[test]
    fn page_stays_small_whatever_is_found() {
        let wide = vec![vec![Some("\"".repeat(5_000)); 100]; 500];
        let names = vec!["\"<script>"; 100];

        let html = html! { (plot(&result(&names, wide.clone()))) (table(&result(&names, wide))) };

        let html = html.into_string();
        assert!(html.len() < 60_000, "{}", html.len());
        assert!(!html.contains("<script"));
        assert!(html.contains("are in the file"));
    }
}
