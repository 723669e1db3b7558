//! The dimensions by which events are grouped.

use std::borrow::Cow;
use std::fmt::Write;

use event_model::sparkpost::bounce_class;

use crate::provider;

/// A dimension by which events are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    BounceClass,
    BounceKind,
    BounceWords,
    Campaign,
    Day,
    Hour,
    MailboxProvider,
    Month,
    Provider,
    RecipientDomain,
    SendingDomain,
    Subaccount,
    Template,
    Type,
    Week,
}

/// A dimension in SQL.
pub(super) enum Group {
    /// The values of an expression.
    Values(Cow<'static, str>),
    Time(TimeUnit),
}

/// The time of an event, truncated.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeUnit {
    /// Postgres's name for the unit.
    pub(super) name: &'static str,
    /// The text form of a step.
    format: &'static str,
    /// The shortest duration of a step.
    pub(super) hours: i64,
}

impl Dimension {
    pub(super) const ALL: [Self; 15] = [
        Self::BounceClass,
        Self::BounceKind,
        Self::BounceWords,
        Self::Campaign,
        Self::Day,
        Self::Hour,
        Self::MailboxProvider,
        Self::Month,
        Self::Provider,
        Self::RecipientDomain,
        Self::SendingDomain,
        Self::Subaccount,
        Self::Template,
        Self::Type,
        Self::Week,
    ];

    /// The name in `group_by`, and of the member in the response.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BounceClass => "bounce_class",
            Self::BounceKind => "bounce_kind",
            Self::BounceWords => "bounce_words",
            Self::Campaign => "campaign",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::MailboxProvider => "mailbox_provider",
            Self::Month => "month",
            Self::Provider => "provider",
            Self::RecipientDomain => "recipient_domain",
            Self::SendingDomain => "sending_domain",
            Self::Subaccount => "subaccount",
            Self::Template => "template",
            Self::Type => "type",
            Self::Week => "week",
        }
    }

    pub(super) fn group(self) -> Group {
        match self {
            Self::BounceClass => Group::Values("bounce_class".into()),
            Self::BounceKind => Group::Values(
                bounce_case(|class| class.kind.label().to_owned(), "'undetermined'").into(),
            ),
            Self::BounceWords => Group::Values(
                bounce_case(
                    |class| bounce_class::words(class.code),
                    "bounce_class::text || ': not described (undetermined)'",
                )
                .into(),
            ),
            Self::Campaign => Group::Values("campaign_id".into()),
            Self::Day => Group::Time(TimeUnit {
                name: "day",
                format: "YYYY-MM-DD",
                hours: 24,
            }),
            Self::Hour => Group::Time(TimeUnit {
                name: "hour",
                format: r#"YYYY-MM-DD"T"HH24:MI"#,
                hours: 1,
            }),
            Self::MailboxProvider => Group::Values("nullif(event->>'mailbox_provider', '')".into()),
            Self::Month => Group::Time(TimeUnit {
                name: "month",
                format: "YYYY-MM",
                hours: 28 * 24,
            }),
            Self::Provider => Group::Values(provider::AS_SQL.into()),
            Self::RecipientDomain => Group::Values("recipient_domain".into()),
            Self::SendingDomain => Group::Values("sending_domain".into()),
            // The account itself has no id in webhooks and 0 in the Events API; `subaccounts=0` finds both.
            Self::Subaccount => Group::Values("coalesce(subaccount_id, 0)".into()),
            Self::Template => Group::Values("template_id".into()),
            Self::Type => Group::Values("type".into()),
            // Weeks of ISO 8601, which begin on Monday.
            Self::Week => Group::Time(TimeUnit {
                name: "week",
                format: r#"IYYY-"W"IW"#,
                hours: 7 * 24,
            }),
        }
    }
}

/// The class of a bounce by the one table that describes it. Texts of the table have no apostrophe; a test looks.
fn bounce_case(text: fn(bounce_class::BounceClass) -> String, otherwise: &str) -> String {
    let mut sql = "case bounce_class".to_owned();
    for class in bounce_class::all().filter(|class| !class.code.is_empty()) {
        let _infallible = write!(sql, " when {} then '{}'", class.code, text(class));
    }
    let _infallible = write!(
        sql,
        " else case when bounce_class is not null then {otherwise} end end"
    );
    sql
}

impl TimeUnit {
    /// The text of a time.
    pub(super) fn key_as_sql(self, time: &str) -> String {
        format!("to_char({time}, '{}')", self.format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_about_bounces_can_stand_in_a_literal() {
        for class in bounce_class::all() {
            assert!(!bounce_class::words(class.code).contains(['\'', '\\']));
            assert!(class.code.parse::<i16>().is_ok() || class.code.is_empty());
        }
    }
}
