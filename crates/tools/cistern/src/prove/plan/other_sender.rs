//! The senders of email events other than SparkPost.

/// A sender of email events other than SparkPost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum OtherSender {
    SendGrid,
    Ses,
    Mailgun,
    Postmark,
    Resend,
    Bird,
}

impl OtherSender {
    /// Every one.
    pub(crate) const ALL: [Self; 6] = [
        Self::SendGrid,
        Self::Ses,
        Self::Mailgun,
        Self::Postmark,
        Self::Resend,
        Self::Bird,
    ];

    /// Its name in addresses, in object keys and in events.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SendGrid => "sendgrid",
            Self::Ses => "ses",
            Self::Mailgun => "mailgun",
            Self::Postmark => "postmark",
            Self::Resend => "resend",
            Self::Bird => "bird",
        }
    }

    /// The largest number of events in one delivery. The last four post every event by itself.
    pub(super) const fn largest(self) -> u64 {
        match self {
            Self::SendGrid => 200,
            Self::Ses => 100,
            Self::Mailgun | Self::Postmark | Self::Resend | Self::Bird => 1,
        }
    }

    /// Its share of the events of other senders, in percent: less where every event is a request.
    pub(super) const fn share(self) -> u64 {
        match self {
            Self::SendGrid => 48,
            Self::Ses => 44,
            Self::Mailgun | Self::Postmark | Self::Resend | Self::Bird => 2,
        }
    }
}
