//! The wire format of a generated event.

use event_model::sparkpost::EventType;
use serde::Serialize;

use super::{
    message::Message,
    vocabulary::{FAILURES, LOCALES, SEGMENTS, TAGS, USER_AGENTS, WORDS},
};
use crate::random::{Random, choose, scramble};

/// The object inside the class. Numbers and times are text, as SparkPost sends them.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the wire format has them")]
pub(super) struct Payload {
    r#type: &'static str,
    campaign_id: String,
    customer_id: &'static str,
    delv_method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    friendly_from: String,
    injection_time: String,
    ip_address: String,
    ip_pool: String,
    message_id: String,
    msg_from: String,
    msg_size: String,
    num_retries: String,
    open_tracking: bool,
    click_tracking: bool,
    initial_pixel: bool,
    amp_enabled: bool,
    transactional: &'static str,
    queue_time: String,
    rcpt_meta: Metadata,
    rcpt_tags: [&'static str; 2],
    rcpt_to: String,
    raw_rcpt_to: String,
    rcpt_hash: String,
    recipient_domain: String,
    routing_domain: String,
    mailbox_provider: &'static str,
    mailbox_provider_region: &'static str,
    recv_method: &'static str,
    sending_domain: String,
    sending_ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subaccount_id: Option<String>,
    subject: String,
    template_id: String,
    template_version: String,
    transmission_id: String,
    #[serde(flatten)]
    of_type: OfType,
    rcpt_type: &'static str,
    timestamp: String,
}

#[derive(Serialize)]
struct Metadata {
    user_id: String,
    account: String,
    locale: &'static str,
    segment: &'static str,
    request_id: String,
}

/// Members that only some types have.
#[derive(Serialize)]
#[serde(untagged)]
enum OfType {
    Nothing {},
    Failure {
        bounce_class: &'static str,
        error_code: &'static str,
        reason: &'static str,
        raw_reason: String,
    },
    Engagement {
        geo_ip: GeoIp,
        user_agent: &'static str,
        user_agent_parsed: UserAgentParsed,
        #[serde(skip_serializing_if = "Option::is_none")]
        target_link_name: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        target_link_url: Option<String>,
    },
    Complaint {
        fbtype: &'static str,
        report_by: &'static str,
        report_to: &'static str,
        user_str: &'static str,
    },
    Delivery {
        outbound_tls: &'static str,
    },
}

#[derive(Serialize)]
struct GeoIp {
    country: &'static str,
    region: &'static str,
    city: &'static str,
    zip: u32,
    postal_code: &'static str,
    latitude: f64,
    longitude: f64,
}

#[derive(Serialize)]
struct UserAgentParsed {
    agent_family: &'static str,
    device_brand: &'static str,
    device_family: &'static str,
    os_family: &'static str,
    os_version: &'static str,
    is_mobile: bool,
    is_proxy: bool,
    is_prefetched: bool,
}

impl Payload {
    /// An event of a message, with the given id and a time in seconds since the Unix epoch.
    pub(super) fn new(
        event_type: EventType,
        message: &Message,
        event_id: u64,
        at_seconds: i64,
        random: &mut Random,
    ) -> Self {
        let Message {
            recipient, sender, ..
        } = message;
        let traits = recipient.traits();
        let pool = sender % 4;
        Self {
            r#type: event_type.as_str(),
            campaign_id: campaign_name(message.campaign),
            customer_id: "118",
            delv_method: "esmtp",
            // The only type that SparkPost sends without an id.
            event_id: (event_type != EventType::SmsStatus).then(|| event_id.to_string()),
            friendly_from: format!(r#""Brand {sender}" <news{sender}@mail{sender}.brand.example>"#),
            injection_time: message.injected_at.to_string(),
            ip_address: ip_address(traits),
            ip_pool: format!("pool-{pool}"),
            message_id: format!("{:020x}", message.id),
            msg_from: format!(
                "msprvs1=17828{:x}=bounces-118-{}@mail{sender}.brand.example",
                traits >> 40,
                message.subaccount
            ),
            msg_size: message.size_bytes.to_string(),
            num_retries: random.below(3).to_string(),
            open_tracking: true,
            click_tracking: true,
            initial_pixel: true,
            amp_enabled: false,
            transactional: if message.is_transactional { "1" } else { "0" },
            queue_time: (200 + random.below(89_800)).to_string(),
            rcpt_meta: Metadata {
                user_id: format!("u{}", recipient.0),
                account: format!("acct-{}", recipient.0 / 9),
                locale: choose(&LOCALES, traits),
                segment: choose(&SEGMENTS, traits),
                request_id: format!("{:016x}", message.id ^ 0x5555),
            },
            rcpt_tags: [choose(&TAGS, traits), "US"],
            rcpt_to: recipient.address(),
            raw_rcpt_to: recipient.address(),
            rcpt_hash: format!("{traits:016x}{:016x}", scramble(traits)),
            recipient_domain: recipient.domain(),
            routing_domain: recipient.domain(),
            mailbox_provider: recipient.mailbox_provider(),
            mailbox_provider_region: "Global",
            recv_method: "rest",
            sending_domain: format!("mail{sender}.brand.example"),
            sending_ip: format!("10.20.{pool}.{sender}"),
            subaccount_id: (message.subaccount > 0).then(|| message.subaccount.to_string()),
            subject: subject(message),
            template_id: template_name(message.campaign % 120),
            template_version: (message.campaign % 9).to_string(),
            transmission_id: message.transmission.to_string(),
            of_type: OfType::new(event_type, message, random),
            rcpt_type: "to",
            timestamp: at_seconds.to_string(),
        }
    }
}

impl OfType {
    fn new(event_type: EventType, message: &Message, random: &mut Random) -> Self {
        match event_type {
            EventType::Bounce
            | EventType::OutOfBand
            | EventType::Delay
            | EventType::PolicyRejection
            | EventType::GenerationFailure => {
                let failure = choose(&FAILURES, random.bits());
                Self::Failure {
                    bounce_class: failure.bounce_class,
                    error_code: failure.error_code,
                    reason: failure.reason,
                    raw_reason: format!("{} [{}]", failure.raw_reason, random.below(1 << 32)),
                }
            }
            EventType::Open | EventType::InitialOpen => Self::engagement(None, random),
            EventType::Click => {
                let link = random.below(8) + 1;
                Self::engagement(Some((link, message)), random)
            }
            EventType::SpamComplaint => Self::Complaint {
                fbtype: "abuse",
                report_by: "server.email.example",
                report_to: "abuse.example",
                user_str: "Additional Example Information",
            },
            EventType::Delivery => Self::Delivery { outbound_tls: "1" },
            _ => Self::Nothing {},
        }
    }

    fn engagement(clicked: Option<(u64, &Message)>, random: &mut Random) -> Self {
        Self::Engagement {
            geo_ip: GeoIp {
                country: "US",
                region: "MD",
                city: "Columbia",
                zip: 21_046,
                postal_code: "21046",
                latitude: degrees(random, 60.0),
                longitude: -degrees(random, 100.0),
            },
            user_agent: choose(&USER_AGENTS, random.bits()),
            user_agent_parsed: UserAgentParsed {
                agent_family: "Chrome",
                device_brand: "Apple",
                device_family: "iPhone",
                os_family: "iOS",
                os_version: "17.4",
                is_mobile: true,
                is_proxy: false,
                is_prefetched: false,
            },
            target_link_name: clicked.map(|(link, _)| format!("cta {link}")),
            target_link_url: clicked.map(|(_, message)| {
                format!(
                    "https://www.brand.example/{}/{}?utm_source=sparkpost&utm_medium=email&utm_campaign={}&uid={:x}",
                    choose(&WORDS, message.subject),
                    message.subject % 977,
                    message.campaign,
                    message.recipient.traits(),
                )
            }),
        }
    }
}

fn campaign_name(campaign: u64) -> String {
    let first = choose(&WORDS, campaign);
    let second = choose(&WORDS, campaign * 3 + 1);
    format!("{first}-{second}-{}", 2_000 + campaign)
}

fn template_name(template: u64) -> String {
    format!("tmpl-{}-{template}", choose(&WORDS, template))
}

fn subject(message: &Message) -> String {
    let number = message.subject;
    let word = |factor: u64| choose(&WORDS, number * factor);
    if message.is_transactional {
        let about = choose(&WORDS, message.campaign);
        format!("Your {} #{number} {about} update", word(1))
    } else {
        format!(
            "{} {} {} - {} {} \u{2728} {}% off",
            word(1),
            word(3),
            word(7),
            word(11),
            word(13),
            number % 70
        )
    }
}

fn ip_address(traits: u64) -> String {
    let [.., third, second, first] = traits.to_be_bytes();
    format!("{}.{first}.{second}.{third}", traits % 223 + 1)
}

/// A coordinate with four decimals, as SparkPost sends them.
fn degrees(random: &mut Random, limit: f64) -> f64 {
    (random.share() * limit * 10_000.0).round() / 10_000.0
}
