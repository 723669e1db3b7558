//! The events of the published generator.

use std::io::Write as _;

use time::{
    OffsetDateTime, format_description::StaticFormatDescription, macros::format_description,
};

use crate::random::{Random, choose};

const NAMES: [&str; 21] = [
    "joe", "mary", "john", "suzy", "mark", "zoe", "shelly", "barry", "smelly", "sneezy", "doofy",
    "derpy", "sally", "dave", "harry", "mikey", "kimmy", "sarah", "rae", "shae", "bae",
];
const TIME: StaticFormatDescription =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

pub(super) fn write(body: &mut Vec<u8>, random: &mut Random, people: u64, at: OffsetDateTime) {
    let person = random.below(people);
    let name = choose(&NAMES, person);
    let number = person / 21;
    let at = at.format(TIME).expect("a time has all of these");
    write!(
        body,
        r#"{{"event":"LOGIN","userId":"{name}{number}","dateTime":"{at}"}}"#
    )
    .expect("writing to memory cannot fail");
}
