//! Where the items of a body are.

use std::{iter, ops::Range};

use super::elements::Elements;

/// Where one item of a body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRange {
    /// Its bytes.
    pub bytes: Range<usize>,
    /// False of the rest of a body that stops being JSON, which may be a part of one item, or many.
    pub is_item: bool,
}

/// The items of a body in their order, without the brackets and commas between them; of a body that stops being JSON, the
/// rest of it is the last one.
pub fn item_ranges(body: &[u8]) -> impl Iterator<Item = ItemRange> {
    let mut elements = Elements::of(body);
    iter::from_fn(move || {
        let element = elements.next()?;
        let is_item = element.problem.is_none();
        let offset = elements.offset();
        Some(ItemRange {
            bytes: if is_item {
                offset - element.raw.len()..offset
            } else {
                offset..body.len()
            },
            is_item,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sparkpost::split_items;

    #[test]
    fn ranges_are_those_of_the_items() {
        for body in [
            r#"[{"a":1}, 7 ,"x"]"#,
            "\u{feff}[\n{}\n]",
            r#"[{"a":1},{"b""#,
            r#"[{"a":1}] rest"#,
            "[]",
            "",
            "nothing",
        ] {
            let by_range: Vec<_> = item_ranges(body.as_bytes())
                .map(|item| &body[item.bytes])
                .collect();
            let split: Vec<_> = split_items(body.as_bytes())
                .map(|(_, raw)| std::str::from_utf8(raw).unwrap())
                .collect();
            assert_eq!(by_range, split, "{body}");
        }
        let of_truncated: Vec<_> = item_ranges(br#"[{"a":1},{"b""#)
            .map(|item| item.is_item)
            .collect();
        assert_eq!(of_truncated, [true, false]);
    }
}
