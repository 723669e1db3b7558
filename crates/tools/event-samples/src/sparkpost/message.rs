//! The messages that generated events belong to.

use super::vocabulary::{MAILBOXES, Mailbox, WORDS};
use crate::random::{Random, choose, scramble};

/// Number of recipients; some get far more mail than others.
const RECIPIENTS: f64 = 400_000.0;
/// Number of domains other than those of the big mailbox providers.
const SMALL_DOMAINS: u64 = 5_000;
/// Share of transactional mail, such as order confirmations and password resets: one message per transmission.
const TRANSACTIONAL_SHARE: f64 = 0.3;
/// Number of concurrent campaigns.
const RUNNING_CAMPAIGNS: u64 = 20;
/// Average number of messages of a campaign.
const MESSAGES_BETWEEN_CAMPAIGNS: u64 = 4_000;

/// One message to one recipient.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The message and the time of its injection, in seconds since the Unix epoch.
    pub(super) id: u64,
    pub(super) injected_at: i64,
    pub(super) recipient: Recipient,
    pub(super) transmission: u64,
    pub(super) campaign: u64,
    pub(super) is_transactional: bool,
    /// Number of the subject line; a campaign has one.
    pub(super) subject: u64,
    pub(super) size_bytes: u64,
    /// 0 is the main account.
    pub(super) subaccount: u64,
    /// Number of the sender's domain and address, from 1.
    pub(super) sender: u64,
}

/// A recipient, identified by a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipient(pub(super) u64);

/// The campaigns that are running, and what has been sent so far.
#[derive(Clone, Debug)]
pub(super) struct Mailing {
    /// Makes the data of two seeds differ.
    salt: u64,
    sent: u64,
    campaigns: Vec<Campaign>,
}

#[derive(Clone, Copy, Debug)]
struct Campaign {
    number: u64,
    transmission: u64,
}

impl Campaign {
    fn start(random: &mut Random) -> Self {
        Self {
            number: random.below(300),
            transmission: transmission_number(random.bits()),
        }
    }
}

impl Mailing {
    pub(super) fn new(random: &mut Random) -> Self {
        Self {
            salt: random.bits(),
            sent: 0,
            campaigns: (0..RUNNING_CAMPAIGNS)
                .map(|_| Campaign::start(random))
                .collect(),
        }
    }

    /// Sends the next message.
    pub(super) fn send(&mut self, random: &mut Random, now_seconds: i64) -> Message {
        self.sent += 1;
        if random.below(MESSAGES_BETWEEN_CAMPAIGNS) == 0 {
            self.change_campaign(random);
        }
        let is_transactional = random.chance(TRANSACTIONAL_SHARE);
        let campaign = if is_transactional {
            Campaign {
                number: 300 + random.below(12),
                transmission: transmission_number(scramble(self.sent ^ self.salt)),
            }
        } else {
            choose(&self.campaigns, uneven(random, 20.0))
        };
        Message {
            id: scramble(self.salt ^ self.sent.wrapping_mul(31)),
            injected_at: now_seconds,
            recipient: Recipient(uneven(random, RECIPIENTS)),
            transmission: campaign.transmission,
            campaign: campaign.number,
            is_transactional,
            subject: if is_transactional {
                random.below(1 << 32)
            } else {
                campaign.number
            },
            size_bytes: 1_200 + random.below(88_800),
            subaccount: if random.chance(0.4) {
                0
            } else {
                1 + random.below(29)
            },
            sender: 1 + random.below(11),
        }
    }

    fn change_campaign(&mut self, random: &mut Random) {
        let index = usize::try_from(random.below(RUNNING_CAMPAIGNS)).unwrap_or(0);
        if let Some(campaign) = self.campaigns.get_mut(index) {
            *campaign = Campaign::start(random);
        }
    }
}

impl Recipient {
    /// Bits that are always the same for this recipient.
    pub(super) fn traits(self) -> u64 {
        scramble(self.0)
    }

    pub(super) fn address(self) -> String {
        let first = choose(&WORDS, self.traits());
        let last = choose(&WORDS, self.traits() >> 9);
        format!("{first}.{last}{}@{}", self.0, self.domain())
    }

    pub(super) fn domain(self) -> String {
        if let Some(mailbox) = self.mailbox() {
            return mailbox.domain.to_owned();
        }
        let number = scramble(self.0 ^ 7) % SMALL_DOMAINS;
        let first = choose(&WORDS, number);
        let second = choose(&WORDS, number * 7);
        format!("{first}{second}-{number}.example")
    }

    pub(super) fn mailbox_provider(self) -> &'static str {
        self.mailbox().map_or("Other", |mailbox| mailbox.provider)
    }

    fn mailbox(self) -> Option<&'static Mailbox> {
        let mut draw = self.traits() % 100;
        for mailbox in &MAILBOXES {
            if draw < mailbox.share {
                return Some(mailbox);
            }
            draw -= mailbox.share;
        }
        None
    }
}

/// Ids of transmissions have 17 digits.
fn transmission_number(bits: u64) -> u64 {
    30_000_000_000_000_000 + bits % 69_000_000_000_000_000
}

/// A number below `limit`, low ones more often than high ones.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a product of shares below 1 and a small limit"
)]
fn uneven(random: &mut Random, limit: f64) -> u64 {
    let share = random.share();
    (share * share * limit) as u64
}
