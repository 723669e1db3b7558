//! Spans of time such as `7d`.

use std::time::Duration;

/// Each unit and its seconds.
const UNITS: [(char, u64); 5] = [
    ('s', 1),
    ('m', 60),
    ('h', 3_600),
    ('d', 86_400),
    ('w', 7 * 86_400),
];
/// A hundred years: a longer span is a slip, and would leave the calendar.
const LONGEST: Duration = Duration::from_hours(100 * 366 * 24);

/// Reads a number with its unit, or several of them: `90s`, `30m`, `24h`, `7d`, `2w`, `1d12h`.
///
/// # Errors
/// Says what would be right.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a span of time such as 90s, 30m, 24h, 7d, 2w or 1d12h");
    let mut seconds: u64 = 0;
    let mut digits = String::new();
    for letter in text.trim().chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        let letter = letter.to_ascii_lowercase();
        let (_, each) = UNITS
            .iter()
            .find(|(unit, _)| *unit == letter)
            .ok_or_else(wrong)?;
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        digits.clear();
        seconds = count
            .checked_mul(*each)
            .and_then(|more| seconds.checked_add(more))
            .ok_or_else(wrong)?;
    }
    let span = Duration::from_secs(seconds);
    // A number without a unit remains; nothing at all, and nothing but zeros, mean no time.
    if !digits.is_empty() || span.is_zero() || span > LONGEST {
        return Err(wrong());
    }
    Ok(span)
}

/// A span of whole seconds in the form that [`parse`] reads, in its largest unit.
pub(crate) fn text(span: Duration) -> String {
    let seconds = span.as_secs();
    let fitting = UNITS
        .iter()
        .rev()
        .find(|(_, each)| seconds.is_multiple_of(*each));
    let (unit, each) = fitting.copied().unwrap_or(('s', 1));
    format!("{}{unit}", seconds / each)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_are_numbers_with_units() {
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1_800),
            ("24h", 86_400),
            ("7d", 604_800),
            ("2w", 1_209_600),
            ("1d12h", 129_600),
            (" 1D ", 86_400),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "7",
            "d",
            "7x",
            "-7d",
            "7 d",
            "1.5h",
            "0d",
            "99999999999999999999d",
            "9999999w",
            "7d1",
            "٣d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in "\\PC{0,30}|[0-9smhdw]{0,30}") {
            if let Ok(span) = parse(&text) {
                prop_assert!(!span.is_zero() && span <= LONGEST);
                prop_assert_eq!(parse(&super::text(span)), Ok(span));
            }
        }
    }
}
