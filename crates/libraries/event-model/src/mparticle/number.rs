//! Numbers as mParticle sends them: as JSON numbers or as strings, with 64 bits that a double cannot hold.

use std::{borrow::Cow, fmt};

/// A 64-bit integer, signed or not, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Int64(i128);

impl Int64 {
    /// Reads decimal digits with an optional sign. A fraction or an exponent is accepted if the value is an integer
    /// that a double represents exactly.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let value = match text.parse::<i128>() {
            Ok(value) => value,
            Err(_) => whole(text)?,
        };
        let fits = (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value);
        fits.then_some(Self(value))
    }

    /// The value, if it fits into a signed integer.
    pub fn as_i64(self) -> Option<i64> {
        i64::try_from(self.0).ok()
    }

    /// Whether the value is 0, which mParticle uses for "none".
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Int64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Above this, neighbouring integers are the same double.
const EXACT_IN_DOUBLE: f64 = 9_007_199_254_740_992.0;

#[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
fn whole(text: &str) -> Option<i128> {
    let value = finite(text)?;
    (value.fract() == 0.0 && value.abs() <= EXACT_IN_DOUBLE).then_some(value as i128)
}

/// A decimal number with its text as sent, so that it is passed on unchanged.
#[derive(Clone, Debug, PartialEq)]
pub struct Decimal<'a> {
    text: Cow<'a, str>,
    value: f64,
}

impl<'a> Decimal<'a> {
    /// Reads a number in JSON's form, the only form that can be passed on unchanged.
    pub fn parse(text: Cow<'a, str>) -> Option<Self> {
        let text = match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        };
        // Only JSON's own grammar: no plus sign, no leading zero, no infinity.
        let value: f64 = serde_json::from_str(&text).ok()?;
        Some(Self { text, value })
    }

    /// The nearest double.
    pub const fn value(&self) -> f64 {
        self.value
    }

    /// The number as JSON, exactly as sent.
    pub fn as_json(&self) -> &str {
        &self.text
    }
}

/// Reads a finite double.
fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> Option<String> {
        Int64::parse(text).map(|value| value.to_string())
    }

    #[test]
    fn integers_past_2_to_the_53_stay_exact() {
        assert_eq!(printed("679644799952992890").unwrap(), "679644799952992890");
        assert_eq!(
            printed("-9223372036854775808").unwrap(),
            "-9223372036854775808"
        );
        assert_eq!(
            printed("18446744073709551615").unwrap(),
            "18446744073709551615"
        );
    }

    #[test]
    fn whole_doubles_are_integers() {
        assert_eq!(printed("1565389571683.0").unwrap(), "1565389571683");
        assert_eq!(printed("1.5e3").unwrap(), "1500");
    }

    #[test]
    fn other_texts_are_no_integers() {
        for text in [
            "",
            "x",
            "1.5",
            "18446744073709551616",
            "1e30",
            "NaN",
            "inf",
            "0x10",
            "4C5F",
        ] {
            assert_eq!(printed(text), None, "{text}");
        }
    }

    #[test]
    fn decimal_keeps_its_text() {
        let price = Decimal::parse(Cow::Borrowed(" 11.90 ")).unwrap();

        assert_eq!(price.as_json(), "11.90");
        assert!((price.value() - 11.9).abs() < f64::EPSILON);
    }

    #[test]
    fn decimal_is_what_json_calls_a_number() {
        for text in [
            "", "abc", "NaN", "Infinity", "1e999", "+1", "01", "1,5", "\"1\"",
        ] {
            assert_eq!(Decimal::parse(Cow::Borrowed(text)), None, "{text}");
        }
    }
}
