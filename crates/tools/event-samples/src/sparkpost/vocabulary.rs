//! The vocabulary of generated mail.

use event_model::sparkpost::EventType;

/// The frequency of each type, in thousandths; the sum is 1,000.
pub(super) const TYPE_MIX: [(EventType, u64); 15] = [
    (EventType::Injection, 330),
    (EventType::Delivery, 323),
    (EventType::Open, 130),
    (EventType::Click, 75),
    (EventType::InitialOpen, 60),
    (EventType::Delay, 40),
    (EventType::Bounce, 20),
    (EventType::PolicyRejection, 5),
    (EventType::ListUnsubscribe, 4),
    (EventType::OutOfBand, 3),
    (EventType::LinkUnsubscribe, 3),
    (EventType::GenerationFailure, 3),
    (EventType::SpamComplaint, 2),
    (EventType::SmsStatus, 1),
    (EventType::RelayDelivery, 1),
];

/// The provider of a domain, and its share of the recipients, in hundredths. The rest have their own domains.
pub(super) struct Mailbox {
    pub(super) domain: &'static str,
    pub(super) share: u64,
    pub(super) provider: &'static str,
}

pub(super) const MAILBOXES: [Mailbox; 9] = [
    mailbox("gmail.example", 44, "Gmail"),
    mailbox("yahoo.example", 11, "Yahoo"),
    mailbox("hotmail.example", 9, "Hotmail / Outlook"),
    mailbox("outlook.example", 7, "Hotmail / Outlook"),
    mailbox("icloud.example", 5, "Apple"),
    mailbox("aol.example", 4, "Yahoo"),
    mailbox("comcast.example", 2, "Comcast"),
    mailbox("gmx.example", 2, "GMX"),
    mailbox("hotmail-uk.example", 2, "Hotmail / Outlook"),
];

const fn mailbox(domain: &'static str, share: u64, provider: &'static str) -> Mailbox {
    Mailbox {
        domain,
        share,
        provider,
    }
}

/// Reasons why mail did not arrive.
#[derive(Clone, Copy)]
pub(super) struct Failure {
    pub(super) bounce_class: &'static str,
    pub(super) error_code: &'static str,
    pub(super) reason: &'static str,
    pub(super) raw_reason: &'static str,
}

pub(super) const FAILURES: [Failure; 7] = [
    Failure {
        bounce_class: "10",
        error_code: "550",
        reason: "550 5.1.1 The email account that you tried to reach does not exist.",
        raw_reason: "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking \
                     the recipient's email address for typos or unnecessary spaces.",
    },
    Failure {
        bounce_class: "30",
        error_code: "554",
        reason: "554 delivery error: dd Requested mail action aborted",
        raw_reason: "554 delivery error: dd This user doesn't have an account here - mta4471.mail.example",
    },
    Failure {
        bounce_class: "21",
        error_code: "451",
        reason: "451 4.4.1 [internal] No valid hosts (DNS failure)",
        raw_reason: "451 4.4.1 [internal] No valid hosts",
    },
    Failure {
        bounce_class: "22",
        error_code: "552",
        reason: "552 5.2.2 The email account that you tried to reach is over quota",
        raw_reason: "552 5.2.2 The email account that you tried to reach is over quota and inactive",
    },
    Failure {
        bounce_class: "51",
        error_code: "550",
        reason: "550 5.7.1 Message rejected: client host is on a block list",
        raw_reason: "550 5.7.1 Service unavailable, client host [127.0.0.1] blocked",
    },
    Failure {
        bounce_class: "54",
        error_code: "571",
        reason: "571 Email is blocked due to content",
        raw_reason: "571 5.7.1 [C14] RBL Restriction",
    },
    Failure {
        bounce_class: "100",
        error_code: "550",
        reason: "550 5.7.1 challenge-response",
        raw_reason: "550 challenge",
    },
];

pub(super) const USER_AGENTS: [&str; 6] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_3) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/41.0.2272.118 \
     Safari/537.36",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "Mozilla/5.0 (Linux; Android 13; SM-S908B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 Mobile \
     Safari/537.36",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
];

pub(super) const LOCALES: [&str; 4] = ["en-US", "de-DE", "fr-FR", "es-ES"];
pub(super) const SEGMENTS: [&str; 5] = ["vip", "trial", "lapsed", "regular", "new"];
pub(super) const TAGS: [&str; 3] = ["male", "female", "unknown"];

pub(super) const WORDS: [&str; 40] = [
    "summer",
    "deals",
    "are",
    "here",
    "your",
    "order",
    "shipped",
    "last",
    "chance",
    "exclusive",
    "offer",
    "weekly",
    "digest",
    "new",
    "arrivals",
    "save",
    "today",
    "free",
    "shipping",
    "members",
    "only",
    "black",
    "friday",
    "flash",
    "sale",
    "welcome",
    "confirm",
    "account",
    "password",
    "reset",
    "invoice",
    "receipt",
    "trip",
    "itinerary",
    "update",
    "security",
    "alert",
    "favorites",
    "back",
    "stock",
];
