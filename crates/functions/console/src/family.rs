//! Event types gathered into what a plot has room and colours for.

/// A group of types with one colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Delivery,
    Open,
    Click,
    Injection,
    Delay,
    Bounce,
    Unsubscribe,
    Complaint,
    Rejection,
    Relay,
    Sms,
    /// Types that nobody has described yet are shown too.
    Other,
}

impl Family {
    /// In the order of a stack, from the ground up.
    pub(crate) const ALL: [Self; 12] = [
        Self::Delivery,
        Self::Open,
        Self::Click,
        Self::Injection,
        Self::Delay,
        Self::Bounce,
        Self::Unsubscribe,
        Self::Complaint,
        Self::Rejection,
        Self::Relay,
        Self::Sms,
        Self::Other,
    ];

    /// The family of a type.
    pub(crate) fn of(kind: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|family| family.kinds().contains(&kind))
            .unwrap_or(Self::Other)
    }

    /// Its types, in SparkPost's names.
    pub(crate) const fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Delivery => &["delivery"],
            Self::Open => &["open", "initial_open", "amp_open", "amp_initial_open"],
            Self::Click => &["click", "amp_click"],
            Self::Injection => &["injection"],
            Self::Delay => &["delay"],
            Self::Bounce => &["bounce", "out_of_band"],
            Self::Unsubscribe => &["list_unsubscribe", "link_unsubscribe"],
            Self::Complaint => &["spam_complaint"],
            Self::Rejection => &[
                "policy_rejection",
                "generation_rejection",
                "generation_failure",
            ],
            Self::Relay => &[
                "relay_injection",
                "relay_delivery",
                "relay_rejection",
                "relay_tempfail",
                "relay_permfail",
            ],
            Self::Sms => &["sms_status"],
            Self::Other => &["ab_test_completed", "ab_test_cancelled", "success", "error"],
        }
    }

    /// For a person.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Delivery => "Delivery",
            Self::Open => "Open",
            Self::Click => "Click",
            Self::Injection => "Injection",
            Self::Delay => "Delay",
            Self::Bounce => "Bounce",
            Self::Unsubscribe => "Unsubscribe",
            Self::Complaint => "Complaint",
            Self::Rejection => "Rejection",
            Self::Relay => "Relay",
            Self::Sms => "SMS",
            Self::Other => "Other",
        }
    }

    /// The class of its colour in the style sheet.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Delivery => "t-delivery",
            Self::Open => "t-open",
            Self::Click => "t-click",
            Self::Injection => "t-injection",
            Self::Delay => "t-delay",
            Self::Bounce => "t-bounce",
            Self::Unsubscribe => "t-unsubscribe",
            Self::Complaint => "t-complaint",
            Self::Rejection => "t-rejection",
            Self::Relay => "t-relay",
            Self::Sms => "t-sms",
            Self::Other => "t-other",
        }
    }
}

/// How far a type takes a message; the furthest is what became of it.
pub(crate) fn progress(kind: &str) -> u8 {
    match Family::of(kind) {
        Family::Other | Family::Relay | Family::Sms => 0,
        Family::Injection => 1,
        Family::Delay => 2,
        Family::Delivery => 3,
        Family::Rejection | Family::Bounce => 4,
        Family::Open => 5,
        Family::Click => 6,
        Family::Unsubscribe => 7,
        Family::Complaint => 8,
    }
}

/// A type's name for a person: `spam_complaint` as `spam complaint`.
pub(crate) fn words(kind: &str) -> String {
    kind.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_type_has_one_family_and_unknown_ones_are_other() {
        let mut seen = HashSet::new();
        for family in Family::ALL {
            for kind in family.kinds() {
                assert!(seen.insert(*kind), "{kind} twice");
                assert_eq!(Family::of(kind), family);
            }
        }
        // SparkPost documents so many.
        assert_eq!(seen.len(), 27);
        assert_eq!(Family::of("tomorrows_type"), Family::Other);
    }

    #[test]
    fn style_sheet_has_every_colour_twice() {
        let sheet = include_str!("assets/console.css");
        for family in Family::ALL {
            let name = family.class().trim_start_matches("t-");
            assert_eq!(sheet.matches(&format!("--{name}:#")).count(), 2, "{name}");
            assert!(sheet.contains(&format!(".{}{{", family.class())), "{name}");
        }
    }
}
