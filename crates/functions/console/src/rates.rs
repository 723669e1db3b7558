//! The rates that people ask for, each with what it divides by what.

use std::collections::BTreeMap;

use crate::text::grouped;

/// A share of events, in words and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) name: &'static str,
    pub(crate) definition: &'static str,
    pub(crate) part: u64,
    pub(crate) whole: u64,
}

struct Definition {
    name: &'static str,
    words: &'static str,
    part: &'static [&'static str],
    whole: &'static [&'static str],
}

/// Opens are counted by `open`, as SparkPost sends `initial_open` beside it for the same opening.
const DEFINITIONS: [Definition; 6] = [
    Definition {
        name: "Delivered",
        words: "deliveries ÷ injections",
        part: &["delivery"],
        whole: &["injection"],
    },
    Definition {
        name: "Bounced",
        words: "bounces, in the session and out of band ÷ injections",
        part: &["bounce", "out_of_band"],
        whole: &["injection"],
    },
    Definition {
        name: "Opened",
        words: "opens ÷ deliveries; a message that is opened twice counts twice",
        part: &["open"],
        whole: &["delivery"],
    },
    Definition {
        name: "Clicked",
        words: "clicks ÷ deliveries; a message with two clicks counts twice",
        part: &["click"],
        whole: &["delivery"],
    },
    Definition {
        name: "Complained",
        words: "spam complaints ÷ deliveries",
        part: &["spam_complaint"],
        whole: &["delivery"],
    },
    Definition {
        name: "Unsubscribed",
        words: "unsubscriptions by link and by header ÷ deliveries",
        part: &["list_unsubscribe", "link_unsubscribe"],
        whole: &["delivery"],
    },
];

/// The rates of some counts by type.
pub(crate) fn of(totals: &BTreeMap<&str, u64>) -> Vec<Rate> {
    let sum = |kinds: &[&str]| {
        kinds
            .iter()
            .filter_map(|kind| totals.get(kind))
            .fold(0_u64, |sum, count| sum.saturating_add(*count))
    };
    DEFINITIONS
        .iter()
        .map(|rate| Rate {
            name: rate.name,
            definition: rate.words,
            part: sum(rate.part),
            whole: sum(rate.whole),
        })
        .collect()
}

/// A share in per cent, rounded; none of nothing.
pub(crate) fn percent(part: u64, whole: u64) -> Option<String> {
    if whole == 0 {
        return None;
    }
    // Each number of digits is rounded from the share itself: what is rounded twice may differ.
    let rounded =
        |steps: u128| (u128::from(part) * steps + u128::from(whole) / 2) / u128::from(whole);
    let hundredths = rounded(10_000);
    Some(if hundredths < 1_000 {
        format!("{}.{:02} %", hundredths / 100, hundredths % 100)
    } else {
        let tenths = rounded(1_000);
        format!("{}.{} %", tenths / 10, tenths % 10)
    })
}

/// How a number differs from the one before it: in per cent, or how many times it is from ten times on.
pub(crate) fn change(now: u64, before: u64) -> Option<String> {
    if let Some(times) = now.checked_div(before).filter(|times| *times >= 10) {
        return Some(format!("× {}", grouped(times)));
    }
    let more = percent(now.abs_diff(before), before)?;
    Some(if now == before {
        "±0 %".to_owned()
    } else {
        format!("{}{more}", if now > before { '+' } else { '−' })
    })
}

#[cfg(test)]
mod rounding;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_and_nothing_has_none() {
        let table = [
            (0, 0, None),
            (5, 0, None),
            (0, 7, Some("0.00 %")),
            (1, 3, Some("33.3 %")),
            (1, 1_000, Some("0.10 %")),
            (9_999, 10_000, Some("100.0 %")),
            (300, 100, Some("300.0 %")),
            (u64::MAX, u64::MAX, Some("100.0 %")),
        ];
        for (part, whole, expected) in table {
            assert_eq!(percent(part, whole).as_deref(), expected, "{part} {whole}");
        }
    }

    #[test]
    fn changes_have_a_sign() {
        assert_eq!(change(110, 100).as_deref(), Some("+10.0 %"));
        assert_eq!(change(26_572, 4).as_deref(), Some("× 6\u{202f}643"));
        assert_eq!(change(90, 100).as_deref(), Some("−10.0 %"));
        assert_eq!(
            (change(5, 5).as_deref(), change(5, 0)),
            (Some("±0 %"), None)
        );
    }

    #[test]
    fn rates_divide_what_they_say() {
        let totals = BTreeMap::from([
            ("injection", 200),
            ("delivery", 100),
            ("bounce", 3),
            ("out_of_band", 1),
            ("open", 40),
            ("initial_open", 40),
            ("list_unsubscribe", 2),
        ]);

        let rates: Vec<_> = of(&totals)
            .into_iter()
            .map(|rate| (rate.part, rate.whole))
            .collect();

        assert_eq!(
            rates,
            [
                (100, 200),
                (4, 200),
                (40, 100),
                (0, 100),
                (0, 100),
                (2, 100)
            ]
        );
    }
}
