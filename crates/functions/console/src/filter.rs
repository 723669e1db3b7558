//! The parameters that narrow a search, by the API's names and a person's words.

/// A parameter of the API that narrows a search.
#[derive(Debug)]
pub(crate) struct Filter {
    /// The API's name.
    pub(crate) name: &'static str,
    /// What a person calls it.
    pub(crate) label: &'static str,
    /// How values are compared, in words.
    pub(crate) hint: &'static str,
}

const EXACT: &str = "exact";
const WORDS: &str = "whole words";

/// All of them, the usual ones first.
pub(crate) const FILTERS: [Filter; 27] = [
    Filter {
        name: "recipients",
        label: "Recipient",
        hint: "whole address",
    },
    Filter {
        name: "events",
        label: "Type",
        hint: EXACT,
    },
    Filter {
        name: "campaigns",
        label: "Campaign",
        hint: WORDS,
    },
    Filter {
        name: "templates",
        label: "Template",
        hint: WORDS,
    },
    Filter {
        name: "recipient_domains",
        label: "Recipient domain",
        hint: WORDS,
    },
    Filter {
        name: "sending_domains",
        label: "Sending domain",
        hint: WORDS,
    },
    Filter {
        name: "subjects",
        label: "Subject",
        hint: WORDS,
    },
    Filter {
        name: "reason",
        label: "Reason contains",
        hint: "any part of it",
    },
    Filter {
        name: "reasons",
        label: "Reason",
        hint: WORDS,
    },
    Filter {
        name: "bounce_classes",
        label: "Bounce class",
        hint: "number",
    },
    Filter {
        name: "from_addresses",
        label: "Sender",
        hint: "whole address",
    },
    Filter {
        name: "messages",
        label: "Message id",
        hint: EXACT,
    },
    Filter {
        name: "transmissions",
        label: "Transmission id",
        hint: EXACT,
    },
    Filter {
        name: "event_ids",
        label: "Event id",
        hint: EXACT,
    },
    Filter {
        name: "subaccounts",
        label: "Subaccount",
        hint: "number, 0 for the account",
    },
    Filter {
        name: "provider",
        label: "Provider",
        hint: "sparkpost, sendgrid, …",
    },
    Filter {
        name: "mailbox_providers",
        label: "Mailbox provider",
        hint: WORDS,
    },
    Filter {
        name: "mailbox_provider_regions",
        label: "Provider's region",
        hint: WORDS,
    },
    Filter {
        name: "sending_ips",
        label: "Sending IP",
        hint: EXACT,
    },
    Filter {
        name: "ip_pools",
        label: "IP pool",
        hint: WORDS,
    },
    Filter {
        name: "ab_tests",
        label: "A/B test",
        hint: WORDS,
    },
    Filter {
        name: "ab_test_versions",
        label: "A/B test version",
        hint: "beside an A/B test",
    },
    Filter {
        name: MATCH,
        label: "Compare",
        hint: "words, or exact",
    },
    Filter {
        name: "tags",
        label: "Tag",
        hint: EXACT,
    },
    Filter {
        name: "metadata",
        label: "Metadata",
        hint: "key:value",
    },
    Filter {
        name: "timezone",
        label: "Time zone",
        hint: "Europe/Berlin, +02:00",
    },
    Filter {
        name: "cursor",
        label: "Page",
        hint: "from a link",
    },
];
/// The last two are no filters, and are listed above so that there is one list of what is understood.
pub(crate) const NARROWING: usize = FILTERS.len() - 2;
/// How many stand in the first row of the form.
pub(crate) const USUAL: usize = 5;
/// The parameter that chooses how texts are compared, for all [by words](is_by_words) of a search.
pub(crate) const MATCH: &str = "match";
/// The value of [`MATCH`] by which a text must be the searched one and nothing else.
pub(crate) const MATCH_EXACT: &str = "exact";

/// Whether a parameter finds texts that contain its words, unless [`MATCH`] says otherwise.
pub(crate) fn is_by_words(name: &str) -> bool {
    FILTERS
        .iter()
        .any(|filter| filter.name == name && filter.hint == WORDS)
}

/// Before the key of metadata, in a parameter's name.
pub(crate) const METADATA: &str = "metadata.";

/// Names of the API before this one, which the API takes too; the names of today come first.
pub(crate) const OLDER_NAMES: [(&str, &str); 6] = [
    ("ab_tests", "ab_test_ids"),
    ("campaigns", "campaign_ids"),
    ("from_addresses", "friendly_froms"),
    ("messages", "message_ids"),
    ("templates", "template_ids"),
    ("transmissions", "transmission_ids"),
];

#[cfg(test)]
mod words_tests;

#[cfg(test)]
mod tests {
    use super::*;

    /// Parameters that choose how an answer looks, which a page decides itself, and the range.
    const OTHERS: [&str; 11] = [
        "columns",
        "csv",
        "delimiter",
        "format",
        "from",
        "links",
        "page",
        "per_page",
        "to",
        "total_count",
        "metadata",
    ];

    #[test]
    fn form_has_every_parameter_of_the_api_and_no_other() {
        let known = |name: &str| {
            let is_older = OLDER_NAMES.iter().any(|(_, older)| *older == name);
            is_older || OTHERS.contains(&name) || FILTERS.iter().any(|filter| filter.name == name)
        };
        let names: Vec<_> = event_query::parameter_names().collect();

        for name in &names {
            assert!(known(name), "{name} cannot be searched by");
        }
        for filter in &FILTERS {
            assert!(
                names.contains(&filter.name) || filter.name == "metadata",
                "{}",
                filter.name
            );
        }
        for (name, older) in OLDER_NAMES {
            assert!(names.contains(&name) && names.contains(&older), "{older}");
        }
    }
}
