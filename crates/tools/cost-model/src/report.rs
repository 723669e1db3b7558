//! `docs/cost.md`.

mod published_month;
mod sections;

use std::fmt::Write as _;

use crate::{Shape, article, usage::scanned_bytes};

/// Events per request in the tables.
const BATCHES: [f64; 3] = [1.0, 10.0, 100.0];

/// The whole file.
pub fn markdown() -> String {
    let mut page = String::new();
    for section in [
        sections::head(),
        published_month::published_month(),
        sections::where_it_goes(),
        sections::other_choices(),
        sections::switches(),
        sections::prices(),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{section}");
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// Dollars and cents, with separators of thousands.
pub fn dollars(usd: f64) -> String {
    let text = format!("{usd:.2}");
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    format!("{}.{cents}", thousands(whole))
}

/// A whole number, with separators of thousands.
pub fn count(number: f64) -> String {
    thousands(&format!("{number:.0}"))
}

fn thousands(digits: &str) -> String {
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len() - index;
        if index > 0 && left.is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The bytes that the three queries of the published load scan, in words.
fn scans(shape: Shape) -> String {
    let scanned = scanned_bytes(article::EVENTS, shape);
    let mb = |bytes: f64| format!("{:.0}", bytes / 1e6);
    format!(
        "{}, {} and {} MB (Athena bills at least 10)",
        mb(scanned.users_of_month),
        mb(scanned.event_of_year),
        mb(scanned.users_of_year)
    )
}

/// A table in Markdown: the first column aligned to the left, the others to the right.
fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|---|", header.join(" | "));
    text.push_str(&"--:|".repeat(header.len().saturating_sub(1)));
    text.push('\n');
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        assert_eq!(dollars(3_361.57), "3,361.57");
        assert_eq!(dollars(0.4), "0.40");
        assert_eq!(dollars(999.999), "1,000.00");
        assert_eq!(count(200e6), "200,000,000");
        assert_eq!(count(-1_234.0), "-1,234");
    }

    #[test]
    fn the_file_is_what_this_writes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/cost.md");
        let file = std::fs::read_to_string(path).unwrap();

        assert!(
            file == markdown(),
            "docs/cost.md is out of date: `make cost` writes it"
        );
    }
}
