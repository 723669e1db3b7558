//! The API's filters as flags: one table of both names.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use event_model::sparkpost::EventType;
use strsim::levenshtein;

/// A filter of the search, as a flag and as a parameter of the API.
#[derive(Debug)]
struct Filter {
    /// The name of the flag.
    flag: &'static str,
    /// The API's parameter, which is understood as a flag too.
    parameter: &'static str,
    value: &'static str,
    help: &'static str,
    /// Whether a comma separates two values. Subjects, reasons and names contain commas.
    is_split: bool,
}

const FILTERS: [Filter; 24] = [
    split(
        "type",
        "events",
        "TYPE",
        "Types, such as bounce,out_of_band",
    ),
    whole(
        "recipient",
        "recipients",
        "ADDRESS",
        "Recipient's address, in any case",
    ),
    split(
        "recipient-domain",
        "recipient_domains",
        "DOMAIN",
        "Words of the recipient's domain",
    ),
    whole("campaign", "campaigns", "WORDS", "Words of the campaign"),
    whole("template", "templates", "WORDS", "Words of the template"),
    whole("subject", "subjects", "WORDS", "Words of the subject"),
    whole(
        "from-address",
        "from_addresses",
        "ADDRESS",
        "Sender's address, in any case",
    ),
    split(
        "sending-domain",
        "sending_domains",
        "DOMAIN",
        "Words of the sender's domain",
    ),
    split(
        "sending-ip",
        "sending_ips",
        "IP",
        "Address that sent the message",
    ),
    split(
        "message-id",
        "messages",
        "ID",
        "Message, as its injection, delivery, opens and clicks name it",
    ),
    split("transmission-id", "transmissions", "ID", "Transmission"),
    split("event-id", "event_ids", "ID", "Event"),
    whole(
        "reason",
        "reason",
        "TEXT",
        "Part of the reason of a bounce or delay, in any case",
    ),
    whole("reason-words", "reasons", "WORDS", "Words of that reason"),
    split(
        "bounce-class",
        "bounce_classes",
        "CODE",
        "SparkPost's bounce code, such as 10",
    ),
    split(
        "subaccount",
        "subaccounts",
        "ID",
        "Subaccount; 0 is the account itself",
    ),
    split(
        "provider",
        "provider",
        "NAME",
        "Who sent the event: sparkpost, or another sender such as sendgrid",
    ),
    whole("tag", "tags", "TAG", "Tag of the recipient"),
    whole("ip-pool", "ip_pools", "WORDS", "Words of the IP pool"),
    whole(
        "mailbox-provider",
        "mailbox_providers",
        "WORDS",
        "Words of the mailbox provider, such as gmail",
    ),
    whole(
        "mailbox-provider-region",
        "mailbox_provider_regions",
        "WORDS",
        "Words of its region",
    ),
    whole("ab-test", "ab_tests", "WORDS", "Words of the A/B test"),
    whole(
        "ab-test-version",
        "ab_test_versions",
        "VERSION",
        "Version of the A/B test",
    ),
    whole(
        "metadata",
        "metadata",
        "KEY=VALUE",
        "Value of an indexed metadata key, such as user_id=u42",
    ),
];

const fn split(
    flag: &'static str,
    parameter: &'static str,
    value: &'static str,
    help: &'static str,
) -> Filter {
    Filter {
        flag,
        parameter,
        value,
        help,
        is_split: true,
    }
}

const fn whole(
    flag: &'static str,
    parameter: &'static str,
    value: &'static str,
    help: &'static str,
) -> Filter {
    Filter {
        is_split: false,
        ..split(flag, parameter, value, help)
    }
}

/// Separates values that contain a comma: the first of these that no value contains.
const DELIMITERS: [char; 6] = [';', '|', '~', '^', '\t', '\u{1f}'];

/// The filters of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filters {
    /// The API's parameter and one value.
    given: Vec<(String, String)>,
}

impl Filters {
    /// Whether everything matches.
    pub(super) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// The parameters of the API.
    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = self.given.clone();
        if let Some(delimiter) = delimiter(&self.given) {
            pairs.push(("delimiter".to_owned(), delimiter.to_string()));
        }
        pairs
    }

    /// For each type that SparkPost does not document, the closest documented one. Such types are stored and found like others.
    pub(super) fn unknown_types(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.given
            .iter()
            .filter(|(parameter, _)| parameter == "events")
            .filter(|(_, value)| EventType::ALL.iter().all(|known| known.as_str() != value))
            .filter_map(|(_, value)| Some((value.as_str(), closest_type(value)?)))
    }
}

/// Without one a comma separates.
fn delimiter(given: &[(String, String)]) -> Option<char> {
    let contains = |letter: char| given.iter().any(|(_, value)| value.contains(letter));
    if !contains(',') {
        return None;
    }
    // A value with all six of them is split, and finds less: nothing that happens by accident.
    DELIMITERS.into_iter().find(|letter| !contains(*letter))
}

fn closest_type(name: &str) -> Option<&'static str> {
    EventType::ALL
        .iter()
        .map(|known| known.as_str())
        .min_by_key(|known| levenshtein(known, name))
}

impl Args for Filters {
    fn augment_args(command: Command) -> Command {
        FILTERS.iter().fold(command, |command, filter| {
            let mut arg = Arg::new(filter.flag)
                .long(filter.flag)
                .value_name(filter.value)
                .help(filter.help)
                .help_heading("Filters")
                .action(ArgAction::Append);
            // People who know the API write its names.
            if filter.parameter != filter.flag {
                arg = arg.alias(filter.parameter);
            }
            if filter.is_split {
                arg = arg.value_delimiter(',');
            }
            if filter.flag == "metadata" {
                arg = arg.value_parser(parse_metadata);
            }
            command.arg(arg)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// Kept as it is; split where it is used.
fn parse_metadata(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => Ok(text.to_owned()),
        _ => Err("expected KEY=VALUE, such as user_id=u42".to_owned()),
    }
}

impl FromArgMatches for Filters {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Vec::new();
        for filter in &FILTERS {
            let values = matches
                .get_many::<String>(filter.flag)
                .into_iter()
                .flatten();
            given.extend(values.map(|value| match value.split_once('=') {
                Some((key, value)) if filter.flag == "metadata" => {
                    (format!("metadata.{key}"), value.to_owned())
                }
                _ => (filter.parameter.to_owned(), value.clone()),
            }));
        }
        Ok(Self { given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Filters, clap::Error> {
        let command = Filters::augment_args(Command::new("events"));
        let matches = command.try_get_matches_from([&["events"], arguments].concat())?;
        Filters::from_arg_matches(&matches)
    }

    fn pairs(arguments: &[&str]) -> Vec<String> {
        let pairs = parse(arguments).unwrap().pairs();
        pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    /// Set by the command itself, or the older API's name of another parameter.
    const NOT_FILTERS: [&str; 19] = [
        "ab_test_ids",
        "campaign_ids",
        "columns",
        "csv",
        "cursor",
        "delimiter",
        "format",
        "friendly_froms",
        "from",
        "links",
        "match",
        "message_ids",
        "page",
        "per_page",
        "template_ids",
        "timezone",
        "to",
        "total_count",
        "transmission_ids",
    ];

    #[test]
    fn every_filter_of_the_api_is_a_flag() {
        for parameter in event_query::parameter_names() {
            let is_flag = FILTERS.iter().any(|filter| filter.parameter == parameter);

            assert_ne!(is_flag, NOT_FILTERS.contains(&parameter), "{parameter}");
        }
        for filter in &FILTERS {
            let is_known = event_query::parameter_names().any(|name| name == filter.parameter);

            assert!(
                is_known || filter.flag == "metadata",
                "{}",
                filter.parameter
            );
        }
    }

    #[test]
    fn flags_become_parameters_in_either_name() {
        assert_eq!(
            pairs(&[
                "--type",
                "bounce,click",
                "--recipients",
                "a@b.c",
                "--subject",
                "Hi, you"
            ]),
            [
                "events=bounce",
                "events=click",
                "recipients=a@b.c",
                "subjects=Hi, you",
                "delimiter=;"
            ]
        );
        assert_eq!(
            pairs(&["--metadata", "user_id=a=b"]),
            ["metadata.user_id=a=b"]
        );
        assert!(pairs(&[]).is_empty() && parse(&[]).unwrap().is_empty());
        assert!(parse(&["--metadata", "user_id"]).is_err());
    }

    #[test]
    fn a_slip_is_answered_with_the_closest_name() {
        let error = parse(&["--recipeint", "a@b.c"]).unwrap_err().to_string();

        assert!(error.contains("--recipient"), "{error}");
        let filters = parse(&["--type", "bouce,open,Delivery"]).unwrap();
        let unknown: Vec<_> = filters.unknown_types().collect();
        assert_eq!(unknown, [("bouce", "bounce"), ("Delivery", "delivery")]);
    }

    proptest! {
        #[test]
        fn distance_is_a_metric(one in "[a-c]{0,6}", other in "[a-c]{0,6}", third in "[a-c]{0,6}") {
            prop_assert_eq!(levenshtein(&one, &other), levenshtein(&other, &one));
            prop_assert_eq!(levenshtein(&one, &other) == 0, one == other);
            prop_assert!(levenshtein(&one, &third) <= levenshtein(&one, &other) + levenshtein(&other, &third));
        }

        #[test]
        fn no_value_is_split_at_the_delimiter(values in proptest::collection::vec("[a-c,;|~]{1,6}", 1..5)) {
            let given: Vec<_> = values.iter().map(|value| ("subjects".to_owned(), value.clone())).collect();

            let delimiter = delimiter(&given).unwrap_or(',');

            prop_assert!(values.iter().all(|value| !value.contains(delimiter)));
        }
    }
}
