//! What events are grouped by.

/// What events are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    BounceClass,
    Campaign,
    Day,
    Hour,
    MailboxProvider,
    Month,
    RecipientDomain,
    SendingDomain,
    Subaccount,
    Template,
    Type,
}

/// A dimension in Postgres's words.
pub(super) enum Group {
    /// The values of an expression.
    Values(&'static str),
    Time(TimeUnit),
}

/// The time of an event, truncated.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeUnit {
    /// What Postgres calls it.
    pub(super) name: &'static str,
    /// How it is written.
    format: &'static str,
    /// How long the shortest is.
    pub(super) hours: i64,
}

impl Dimension {
    pub(super) const ALL: [Self; 11] = [
        Self::BounceClass,
        Self::Campaign,
        Self::Day,
        Self::Hour,
        Self::MailboxProvider,
        Self::Month,
        Self::RecipientDomain,
        Self::SendingDomain,
        Self::Subaccount,
        Self::Template,
        Self::Type,
    ];

    /// The name in `group_by`, and of the member in the answer.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BounceClass => "bounce_class",
            Self::Campaign => "campaign",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::MailboxProvider => "mailbox_provider",
            Self::Month => "month",
            Self::RecipientDomain => "recipient_domain",
            Self::SendingDomain => "sending_domain",
            Self::Subaccount => "subaccount",
            Self::Template => "template",
            Self::Type => "type",
        }
    }

    pub(super) const fn group(self) -> Group {
        match self {
            Self::BounceClass => Group::Values("bounce_class"),
            Self::Campaign => Group::Values("campaign_id"),
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
            Self::MailboxProvider => Group::Values("nullif(event->>'mailbox_provider', '')"),
            Self::Month => Group::Time(TimeUnit {
                name: "month",
                format: "YYYY-MM",
                hours: 28 * 24,
            }),
            Self::RecipientDomain => Group::Values("recipient_domain"),
            Self::SendingDomain => Group::Values("sending_domain"),
            // By webhook the account itself has no id, by the Events API it is 0; `subaccounts=0` finds both.
            Self::Subaccount => Group::Values("coalesce(subaccount_id, 0)"),
            Self::Template => Group::Values("template_id"),
            Self::Type => Group::Values("type"),
        }
    }
}

impl TimeUnit {
    /// The text that stands for a time.
    pub(super) fn key_as_sql(self, time: &str) -> String {
        format!("to_char({time}, '{}')", self.format)
    }
}
