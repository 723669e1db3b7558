//! The items of a text: the elements of a JSON array, or of the `results` of an API, or a line each.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An item: JSON text, and the line of the file on which it, or the array around it, begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    pub(super) line: usize,
    pub(super) text: &'a str,
}

/// Something that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Rejected {
    /// From 1; `None` if the whole file is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// The place among the items, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<usize>,
    reason: String,
}

impl Rejected {
    pub(super) fn whole(reason: String) -> Self {
        Self {
            line: None,
            item: None,
            reason,
        }
    }

    pub(super) fn line(line: usize, reason: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            item: None,
            reason: reason.into(),
        }
    }

    pub(super) fn item(item: usize, reason: impl Into<String>) -> Self {
        Self {
            line: None,
            item: Some(item),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if let Some(item) = self.item {
            write!(f, "item {item}: ")?;
        }
        f.write_str(&self.reason)
    }
}

/// Splits a text. If it is not one JSON value, each of its lines has to be one.
pub(super) fn split(text: &str) -> (Vec<Item<'_>>, Vec<Rejected>) {
    let text = text.trim_start_matches('\u{feff}');
    let (mut items, mut rejected) = (Vec::new(), Vec::new());
    if let Ok(value) = serde_json::from_str::<&RawValue>(text) {
        expand(1, value, &mut items);
        return (items, rejected);
    }
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<&RawValue>(line) {
            Ok(value) => expand(number, value, &mut items),
            Err(error) => rejected.push(Rejected::line(
                number,
                format!("not JSON from column {}", error.column()),
            )),
        }
    }
    (items, rejected)
}

fn expand<'a>(line: usize, value: &'a RawValue, items: &mut Vec<Item<'a>>) {
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        results: Vec<&'a RawValue>,
    }

    let text = value.get();
    let elements = match serde_json::from_str::<Vec<&RawValue>>(text) {
        Ok(elements) => Some(elements),
        Err(_) => serde_json::from_str::<Page<'_>>(text)
            .ok()
            .map(|page| page.results),
    };
    match elements {
        Some(elements) => items.extend(elements.into_iter().map(|element| Item {
            line,
            text: element.get(),
        })),
        None => items.push(Item { line, text }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> (Vec<(usize, &str)>, usize) {
        let (items, rejected) = split(text);
        let items = items.iter().map(|item| (item.line, item.text));
        (items.collect(), rejected.len())
    }

    #[test]
    fn arrays_pages_and_lines_are_split() {
        for (text, expected) in [
            ("[{\"a\":1},\n 2]", vec![(1, "{\"a\":1}"), (1, "2")]),
            (
                "\u{feff}{\"results\":[{}],\"total_count\":1}",
                vec![(1, "{}")],
            ),
            ("{\n \"a\": 1\n}", vec![(1, "{\n \"a\": 1\n}")]),
            (
                "{\"a\":1}\r\n\n[{},{}]\n",
                vec![(1, "{\"a\":1}"), (3, "{}"), (3, "{}")],
            ),
            ("[]", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(texts(text), (expected, 0), "{text}");
        }
    }

    #[test]
    fn lines_that_are_not_json_are_named_without_their_text() {
        let (items, rejected) = split("{}\nplanted\n{\"a\":\n{}");

        assert_eq!(items.len(), 2);
        let reasons: Vec<_> = rejected.iter().map(Rejected::to_string).collect();
        assert_eq!(
            reasons,
            [
                "line 2: not JSON from column 1",
                "line 3: not JSON from column 5"
            ]
        );
    }
}
