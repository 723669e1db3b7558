//! Shares as they are shown, against the shares themselves.

use proptest::prelude::*;

use super::percent;

#[test]
fn share_is_rounded_once() {
    for (part, whole, expected) in [
        (2_009, 20_000, "10.0 %"),
        (2_010, 20_000, "10.1 %"),
        (99_949, 1_000_000, "9.99 %"),
        (99_950, 1_000_000, "10.0 %"),
    ] {
        assert_eq!(percent(part, whole).as_deref(), Some(expected), "{part}");
    }
}

proptest! {
    #[test]
    fn shown_share_is_at_most_half_of_its_last_digit_away(part in 0_u64.., whole in 1_u64..) {
        let shown = percent(part, whole).unwrap();
        let number = shown.strip_suffix(" %").unwrap();
        let (_, decimals) = number.split_once('.').unwrap();
        let digits: u128 = number.replace('.', "").parse().unwrap();
        let steps = 100 * 10_u128.pow(u32::try_from(decimals.len()).unwrap());

        let exact = u128::from(part) * steps;
        let difference = exact.abs_diff(digits * u128::from(whole));
        prop_assert!(2 * difference <= u128::from(whole), "{shown}");
        // Two decimals below 10 %, one from there on.
        let fits = if decimals.len() == 2 { digits < 1_000 } else { digits >= 100 };
        prop_assert!(fits, "{shown}");
    }
}
