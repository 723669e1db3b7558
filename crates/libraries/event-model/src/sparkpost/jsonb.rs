//! Valid JSON that is not a valid `jsonb` value in Postgres, or not readable for clients.
//!
//! One value of the first kind would fail the COPY of its whole batch, one of the second would make a whole page of
//! results unreadable, so both are detected here.

use super::reject_reason::{JsonKind, RejectReason};
use crate::json::string_length;

/// The deepest nesting of an event that is accepted, with the event's own object as level 1. Postgres, and
/// clients that read an event, walk nested values recursively.
pub const MAX_DEPTH: usize = 100;

/// Numbers of up to this many characters and with exponents of up to this size are accepted. `numeric` has 131,072
/// digits before the point and 16,383 after it; this limit is far smaller.
const MAX_NUMBER: usize = 1_000;

/// Checks one value of an event's object: a valid JSON text without surrounding white space.
pub(super) fn check_storable(value: &str) -> Result<(), RejectReason> {
    let value = value.as_bytes();
    match JsonKind::of(value) {
        JsonKind::Boolean | JsonKind::Null | JsonKind::String => Ok(()),
        JsonKind::Number => check_number(value),
        JsonKind::Array | JsonKind::Object => check_nested(value),
    }
}

fn check_nested(value: &[u8]) -> Result<(), RejectReason> {
    let mut depth = 1_usize;
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'"' => rest.get(string_length(rest)..).unwrap_or_default(),
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(RejectReason::TooDeep { limit: MAX_DEPTH });
                }
                after
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                after
            }
            b'-' | b'0'..=b'9' => {
                let end = rest
                    .iter()
                    .position(|byte| !is_in_number(*byte))
                    .unwrap_or(rest.len());
                let (number, after_number) = rest.split_at(end);
                check_number(number)?;
                after_number
            }
            _ => after,
        };
    }
    Ok(())
}

fn is_in_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

fn check_number(number: &[u8]) -> Result<(), RejectReason> {
    let unstorable = |problem| Err(RejectReason::UnstorableNumber { problem });
    if number.len() > MAX_NUMBER {
        return unstorable("too many digits");
    }
    let exponent = number
        .iter()
        .position(|byte| matches!(byte, b'e' | b'E'))
        .map_or(&[][..], |at| &number[at + 1..]);
    let digits = exponent.iter().filter(|byte| byte.is_ascii_digit());
    let size = digits.fold(0_usize, |size, digit| {
        size.saturating_mul(10)
            .saturating_add(usize::from(digit - b'0'))
    });
    if size > MAX_NUMBER {
        return unstorable("the exponent is too large");
    }
    // Go's and Rust's JSON readers refuse the text in which a number overflows their doubles (RFC 8259, section 6).
    let double = std::str::from_utf8(number).ok().map(str::parse::<f64>);
    if !matches!(double, Some(Ok(double)) if double.is_finite()) {
        return unstorable("it is beyond the range of double precision");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> String {
        "[".repeat(levels) + &"]".repeat(levels)
    }

    #[test]
    fn depth_is_counted_from_the_events_own_object() {
        assert_eq!(check_storable(&nested(MAX_DEPTH - 1)), Ok(()));
        assert_eq!(
            check_storable(&nested(MAX_DEPTH)),
            Err(RejectReason::TooDeep { limit: MAX_DEPTH })
        );
    }

    #[test]
    fn brackets_in_strings_and_beside_each_other_are_no_depth() {
        let in_string = format!(r#"["\"{}", "\\"]"#, nested(MAX_DEPTH));
        let siblings = format!("[{}[]]", "[],".repeat(MAX_DEPTH));

        assert_eq!(check_storable(&in_string), Ok(()));
        assert_eq!(check_storable(&siblings), Ok(()));
    }

    #[test]
    fn numbers_beyond_numeric_or_doubles_are_found_at_any_level() {
        for number in [
            "1e131072",
            "-1E-16384",
            "1e+99999999999999999999999",
            "1e309",
            "-607830597315814e294",
            &"9".repeat(309),
            &"9".repeat(1_001),
        ] {
            for value in [
                number.to_owned(),
                format!("[1, {number}]"),
                format!(r#"{{"a":{{"b":{number}}}}}"#),
            ] {
                let reason = check_storable(&value).expect_err(&value);
                assert_eq!(reason.code(), "unstorable_number");
            }
        }
        for value in [
            "0",
            "-0",
            "1e308",
            "1e-400",
            "-122.0574",
            "[1.5e-10, 12345678901234567890]",
            r#"["1e131072"]"#,
        ] {
            assert_eq!(check_storable(value), Ok(()));
        }
    }
}
