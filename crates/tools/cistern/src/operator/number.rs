//! Numbers as people write large ones: `200M`, `2B`, `10k`, `1,000`.

use std::num::NonZeroU64;

/// Reads a number that is not negative.
///
/// # Errors
/// Says what would be right.
pub(crate) fn parse(text: &str) -> Result<f64, String> {
    let plain = text.replace([',', '_'], "");
    let (digits, factor) = match plain.chars().last() {
        Some('k' | 'K') => (&plain[..plain.len() - 1], 1e3),
        Some('M' | 'm') => (&plain[..plain.len() - 1], 1e6),
        Some('B' | 'b') => (&plain[..plain.len() - 1], 1e9),
        _ => (plain.as_str(), 1.0),
    };
    let number: f64 = digits.parse().map_err(|_| form())?;
    if number.is_finite() && number >= 0.0 {
        Ok(number * factor)
    } else {
        Err(form())
    }
}

/// Reads a whole number of at least 1.
///
/// # Errors
/// Says what would be right.
pub(crate) fn whole<N: TryFrom<NonZeroU64>>(text: &str) -> Result<N, String> {
    let wrong = || "expected a whole number from 1, such as 1500, 10k or 2M".to_owned();
    let number = parse(text).map_err(|_| wrong())?;
    if number.fract() > 0.0 {
        return Err(wrong());
    }
    let whole: NonZeroU64 = format!("{number:.0}").parse().map_err(|_| wrong())?;
    N::try_from(whole).map_err(|_| wrong())
}

fn form() -> String {
    "expected a number such as 1500, 10k, 200M or 2B".to_owned()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn whole_numbers_have_no_fraction_and_fit_their_type() {
        let whole_u64 = |text| whole::<NonZeroU64>(text).map(NonZeroU64::get).ok();
        for (text, expected) in [
            ("10k", Some(10_000)),
            ("1.5M", Some(1_500_000)),
            ("1,000", Some(1_000)),
            ("7", Some(7)),
            ("1.5", None),
            ("0", None),
            ("-1", None),
            ("many", None),
            ("99999999999999B", None),
        ] {
            assert_eq!(whole_u64(text), expected, "{text}");
        }
        assert!(whole::<NonZeroU32>("5B").is_err());
    }
}
