//! The people of the story: subscribers of the newsletter, and the customers who sign up at the shop.

use super::calendar::DAYS;
use crate::random::{Random, choose, scramble};

/// Subscribers from before the story.
pub(super) const SUBSCRIBERS: u64 = 1_200;
/// Who signs up on the first day, and how many more each day.
const FIRST_SIGN_UPS: u64 = 18;
const MORE_EACH_DAY: u64 = 1;

const FIRST_NAMES: [&str; 32] = [
    "ada", "ben", "chloe", "dario", "elif", "finn", "greta", "hugo", "ines", "jonas", "kira",
    "liam", "mina", "noah", "olga", "pablo", "quinn", "rosa", "sven", "tara", "umut", "vera",
    "wanda", "xenia", "yara", "zeno", "amir", "bianca", "carlos", "daria", "emil", "freya",
];
const LAST_NAMES: [&str; 24] = [
    "lind", "moreau", "keller", "rossi", "novak", "silva", "berg", "dubois", "fischer", "garcia",
    "haas", "ito", "jensen", "kowalski", "larsen", "meyer", "nagy", "okafor", "petrov", "quint",
    "roth", "santos", "toth", "weber",
];
/// A domain, its provider, and its share of a hundred people.
const MAILBOXES: [(&str, &str, u64); 6] = [
    ("gmail.example", "Gmail", 44),
    ("outlook.example", super::BLOCKING_PROVIDER, 14),
    ("hotmail.example", super::BLOCKING_PROVIDER, 8),
    ("yahoo.example", "Yahoo", 14),
    ("icloud.example", "Apple", 10),
    ("posteo.example", "Other", 10),
];

/// Everybody, by number: subscribers first, then customers in the order in which they signed up.
#[derive(Clone, Debug)]
pub(super) struct People {
    seed: u64,
}

/// A person, who is the same in all three pipelines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Person {
    pub(super) number: u64,
    /// Bits that are always the same for this person.
    pub(super) traits: u64,
}

impl People {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed: scramble(seed),
        }
    }

    pub(super) fn person(&self, number: u64) -> Person {
        Person {
            number,
            traits: scramble(self.seed ^ scramble(number)),
        }
    }

    /// Who signed up on a day.
    pub(super) fn signed_up(&self, day: u32) -> impl Iterator<Item = Person> {
        let before: u64 = (0..day).map(sign_ups).sum();
        let first = SUBSCRIBERS + before;
        (first..first + sign_ups(day)).map(|number| self.person(number))
    }

    /// Who gets a newsletter of a day.
    pub(super) fn subscribers(&self, day: u32) -> impl Iterator<Item = Person> {
        let until: u64 = (0..day).map(sign_ups).sum();
        (0..SUBSCRIBERS + until).map(|number| self.person(number))
    }

    /// Who uses the shop on a day: those who signed up, and of the earlier ones those who came back.
    pub(super) fn active(&self, day: u32) -> impl Iterator<Item = Person> {
        (0..=day).flat_map(move |sign_up_day| {
            self.signed_up(sign_up_day)
                .filter(move |person| person.comes_back(day - sign_up_day))
        })
    }
}

/// More each day.
fn sign_ups(day: u32) -> u64 {
    FIRST_SIGN_UPS + MORE_EACH_DAY * u64::from(day)
}

/// Of a thousand people, how many come on a day, by the number of days since they signed up.
pub(super) fn return_rate(days_later: u32) -> u64 {
    const LOYAL: u64 = 70;
    if days_later == 0 {
        return 1_000;
    }
    let mut others = 380;
    for _ in 1..days_later.min(DAYS) {
        others = others * 83 / 100;
    }
    LOYAL + others
}

impl Person {
    /// Random numbers about something this person does, always the same.
    pub(super) fn random(self, about: u64) -> Random {
        Random::new(scramble(self.traits ^ scramble(about)))
    }

    fn comes_back(self, days_later: u32) -> bool {
        let place = self.random(0x5e7_0000 + u64::from(days_later)).below(1_000);
        place < return_rate(days_later)
    }

    pub(super) fn id(self) -> String {
        format!("u{}", self.number)
    }

    pub(super) fn address(self) -> String {
        let first = choose(&FIRST_NAMES, self.traits);
        let last = choose(&LAST_NAMES, self.traits >> 8);
        format!("{first}.{last}{}@{}", self.number, self.mailbox().0)
    }

    /// The domain and its provider.
    pub(super) fn mailbox(self) -> (&'static str, &'static str) {
        let mut place = (self.traits >> 16) % 100;
        for (domain, provider, share) in MAILBOXES {
            if place < share {
                return (domain, provider);
            }
            place -= share;
        }
        ("posteo.example", "Other")
    }

    pub(super) fn plan(self) -> &'static str {
        choose(&["free", "free", "free", "gold"], self.traits >> 24)
    }

    /// How much this person reads mail, from 0 to 99.
    pub(super) fn interest(self) -> u64 {
        (self.traits >> 32) % 100
    }

    pub(super) fn place(self) -> (&'static str, &'static str) {
        const PLACES: [(&str, &str); 8] = [
            ("DE", "Berlin"),
            ("DE", "Hamburg"),
            ("CH", "Zürich"),
            ("FR", "Lyon"),
            ("GB", "Leeds"),
            ("SE", "Malmö"),
            ("NL", "Utrecht"),
            ("AT", "Graz"),
        ];
        choose(&PLACES, self.traits >> 40)
    }

    pub(super) fn has_app(self) -> bool {
        (self.traits >> 48) % 100 < 40
    }
}
