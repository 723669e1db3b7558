//! The click stream of a shop.

use serde::Serialize;
use time::{
    OffsetDateTime, format_description::StaticFormatDescription, macros::format_description,
};

use crate::random::{Random, choose, scramble};

/// The frequency of each event, in thousandths; the rest are sign-ups.
const EVENT_MIX: [(&str, u64); 6] = [
    ("page_view", 600),
    ("click", 200),
    ("scroll", 100),
    ("add_to_cart", 50),
    ("purchase", 10),
    ("login", 30),
];
const PAGES: u64 = 50_000;
const VISIT_SECONDS: i64 = 1_800;
const REFERRERS: [&str; 6] = [
    "https://search.example/",
    "https://news.example/item",
    "https://mail.example/campaign?id=spring",
    "https://social.example/",
    "https://videos.example/watch",
    "https://forum.example/r/shopping",
];
const PLACES: [(&str, &str); 12] = [
    ("US", "New York"),
    ("US", "Los Angeles"),
    ("US", "Chicago"),
    ("DE", "Berlin"),
    ("DE", "München"),
    ("FR", "Paris"),
    ("GB", "London"),
    ("JP", "Tokyo"),
    ("IN", "Mumbai"),
    ("BR", "São Paulo"),
    ("AU", "Sydney"),
    ("CH", "Zürich"),
];
const TIME: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Click {
    event_id: String,
    event: &'static str,
    user_id: String,
    session_id: String,
    ts: String,
    url: String,
    referrer: Option<&'static str>,
    ua: String,
    geo: Geo,
    props: Props,
}

#[derive(Serialize)]
struct Geo {
    country: &'static str,
    city: &'static str,
}

#[derive(Serialize)]
struct Props {
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qty: Option<u64>,
    exp: &'static str,
}

pub(super) fn write(body: &mut Vec<u8>, random: &mut Random, people: u64, at: OffsetDateTime) {
    let event = draw_event(random);
    let person = scramble(skewed(random, people));
    let page = skewed(random, PAGES);
    let visit = at.unix_timestamp() / VISIT_SECONDS;
    let (country, city) = choose(&PLACES, person);
    let click = Click {
        event_id: uuid(random),
        event,
        user_id: format!("u_{person:016x}"),
        session_id: format!("{:016x}", scramble(person ^ visit.unsigned_abs())),
        ts: at.format(TIME).expect("a time has all of these"),
        url: format!(
            "https://shop.example/p/{page}/{:x}",
            scramble(page) & 0xff_ffff
        ),
        referrer: random
            .chance(0.33)
            .then(|| choose(&REFERRERS, random.bits())),
        ua: user_agent(person),
        geo: Geo { country, city },
        props: props(event, person, page, random),
    };
    serde_json::to_writer(body, &click).expect("writing to memory cannot fail");
}

fn draw_event(random: &mut Random) -> &'static str {
    let mut draw = random.below(1_000);
    for (event, share) in EVENT_MIX {
        if draw < share {
            return event;
        }
        draw -= share;
    }
    "signup"
}

/// A number below `limit`: small ones are frequent, most are rare. Computed with integers, because the last digits of a floating-point
/// power may differ between machines.
fn skewed(random: &mut Random, limit: u64) -> u64 {
    let bits = u64::from(u64::BITS - limit.leading_zeros());
    let width = random.below(bits).max(random.below(bits)) + 1;
    random.below(limit.min(1 << width.min(63)))
}

fn uuid(random: &mut Random) -> String {
    let (high, low) = (random.bits(), random.bits());
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high & 0xffff,
        (high >> 16) & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

/// One of a few hundred browsers, always the same for a person.
fn user_agent(person: u64) -> String {
    let version = 110 + (person >> 8) % 30;
    match person % 4 {
        0 => format!(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
        ),
        1 => format!(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{version}.0 Mobile/15E148 Safari/604.1",
            version % 6
        ),
        2 => format!(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_{}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.{} Safari/605.1.15",
            version % 8,
            version % 6
        ),
        _ => format!(
            "Mozilla/5.0 (X11; Linux x86_64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
        ),
    }
}

fn props(event: &str, person: u64, page: u64, random: &mut Random) -> Props {
    let is_about_a_product = matches!(event, "add_to_cart" | "purchase");
    let cents = u32::try_from(100 + scramble(page) % 30_000).unwrap_or(100);
    Props {
        sku: is_about_a_product.then(|| format!("SKU-{page:05}")),
        price: is_about_a_product.then(|| f64::from(cents) / 100.0),
        qty: is_about_a_product.then(|| 1 + random.below(3)),
        exp: if person & 1 == 0 { "A" } else { "B" },
    }
}
