//! A `date` projection: a range of instants, written by a pattern.

use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// From one bound to the other in steps, each written by the pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DateRange {
    pattern: Vec<Token>,
    from: Bound,
    to: Bound,
    step: Step,
}

/// Which property is not of its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Format,
    Range,
    Unit,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Literal(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Bound {
    At(PrimitiveDateTime),
    Now { steps: i64, unit: Unit },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    count: i64,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Years,
    Months,
    Weeks,
    Days,
    Hours,
    Minutes,
    Seconds,
}

impl Wrong {
    pub(super) const fn property(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Range => "range",
            Self::Unit => "interval.unit",
        }
    }

    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Format => "yyyy, MM, dd, HH, mm, ss, each once, and text between them",
            Self::Range => "two of: a date in the format, or NOW, NOW-3YEARS, NOW+1DAY",
            Self::Unit => "YEARS, MONTHS, WEEKS, DAYS, HOURS, MINUTES or SECONDS",
        }
    }
}

impl DateRange {
    pub(super) fn new(
        pattern: &str,
        (from, to): (&str, &str),
        interval: i64,
        unit: Option<&str>,
    ) -> Result<Self, Wrong> {
        let pattern = tokens(pattern).ok_or(Wrong::Format)?;
        let unit = match unit {
            Some(unit) => Unit::parse(unit).ok_or(Wrong::Unit)?,
            None => default_unit(&pattern).ok_or(Wrong::Unit)?,
        };
        let bound = |text: &str| {
            now_bound(text)
                .or_else(|| read(&pattern, text).map(Bound::At))
                .ok_or(Wrong::Range)
        };
        Ok(Self {
            from: bound(from)?,
            to: bound(to)?,
            pattern,
            step: Step {
                count: interval,
                unit,
            },
        })
    }

    /// The values at `now`. A bound is as precise as the pattern: with days, NOW is today.
    pub(super) fn list(&self, now: OffsetDateTime) -> Vec<String> {
        let instant = |bound: &Bound| match bound {
            Bound::At(instant) => Some(*instant),
            Bound::Now { steps, unit } => {
                let utc = now.to_utc();
                let instant = unit.add(PrimitiveDateTime::new(utc.date(), utc.time()), *steps)?;
                read(&self.pattern, &write(&self.pattern, instant))
            }
        };
        let (Some(from), Some(to)) = (instant(&self.from), instant(&self.to)) else {
            return Vec::new();
        };
        (0..)
            .map_while(|step: i64| self.step.unit.add(from, step.checked_mul(self.step.count)?))
            .take_while(|instant| *instant <= to)
            .map(|instant| write(&self.pattern, instant))
            .collect()
    }
}

/// Athena steps by a day or a month by itself when that is how precise the pattern is.
fn default_unit(pattern: &[Token]) -> Option<Unit> {
    let has = |token: &Token| pattern.contains(token);
    if has(&Token::Hour) || has(&Token::Minute) || has(&Token::Second) {
        None
    } else if has(&Token::Day) {
        Some(Unit::Days)
    } else if has(&Token::Month) {
        Some(Unit::Months)
    } else {
        None
    }
}

/// `NOW`, or `NOW` and a distance.
fn now_bound(text: &str) -> Option<Bound> {
    let compact: String = text.split_whitespace().collect();
    let distance = compact.strip_prefix("NOW")?;
    if distance.is_empty() {
        return Some(Bound::Now {
            steps: 0,
            unit: Unit::Days,
        });
    }
    let (sign, rest) = match distance.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let unit_at = rest.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = rest.split_at_checked(unit_at)?;
    Some(Bound::Now {
        steps: count.parse::<i64>().ok()?.checked_mul(sign)?,
        unit: Unit::parse(unit)?,
    })
}

fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let known = [
        ("yyyy", Token::Year),
        ("MM", Token::Month),
        ("dd", Token::Day),
        ("HH", Token::Hour),
        ("mm", Token::Minute),
        ("ss", Token::Second),
    ];
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if let Some((letters, token)) = known.iter().find(|(letters, _)| rest.starts_with(letters))
        {
            if tokens.contains(token) {
                return None;
            }
            tokens.push(token.clone());
            rest = &rest[letters.len()..];
        } else if let Some(quoted) = rest.strip_prefix('\'') {
            let (text, after) = quoted.split_once('\'')?;
            tokens.push(Token::Literal(text.to_owned()));
            rest = after;
        } else if first.is_ascii_alphabetic() {
            return None;
        } else {
            tokens.push(Token::Literal(first.to_string()));
            rest = &rest[first.len_utf8()..];
        }
    }
    tokens.contains(&Token::Year).then_some(tokens)
}

fn write(pattern: &[Token], instant: PrimitiveDateTime) -> String {
    pattern
        .iter()
        .map(|token| match token {
            Token::Year => format!("{:04}", instant.year()),
            Token::Month => format!("{:02}", u8::from(instant.month())),
            Token::Day => format!("{:02}", instant.day()),
            Token::Hour => format!("{:02}", instant.hour()),
            Token::Minute => format!("{:02}", instant.minute()),
            Token::Second => format!("{:02}", instant.second()),
            Token::Literal(text) => text.clone(),
        })
        .collect()
}

fn read(pattern: &[Token], text: &str) -> Option<PrimitiveDateTime> {
    let (mut year, mut month, mut day) = (0, 1, 1);
    let (mut hour, mut minute, mut second) = (0, 0, 0);
    let mut rest = text;
    for token in pattern {
        let width = match token {
            Token::Literal(literal) => {
                rest = rest.strip_prefix(literal.as_str())?;
                continue;
            }
            Token::Year => 4,
            _ => 2,
        };
        let (digits, after) = rest.split_at_checked(width)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        rest = after;
        match token {
            Token::Year => year = digits.parse().ok()?,
            Token::Month => month = digits.parse().ok()?,
            Token::Day => day = digits.parse().ok()?,
            Token::Hour => hour = digits.parse().ok()?,
            Token::Minute => minute = digits.parse().ok()?,
            Token::Second => second = digits.parse().ok()?,
            Token::Literal(_) => {}
        }
    }
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    let time = Time::from_hms(hour, minute, second).ok()?;
    rest.is_empty().then(|| PrimitiveDateTime::new(date, time))
}

impl Unit {
    fn parse(text: &str) -> Option<Self> {
        let upper = text.to_ascii_uppercase();
        match upper.strip_suffix('S').unwrap_or(&upper) {
            "YEAR" => Some(Self::Years),
            "MONTH" => Some(Self::Months),
            "WEEK" => Some(Self::Weeks),
            "DAY" => Some(Self::Days),
            "HOUR" => Some(Self::Hours),
            "MINUTE" => Some(Self::Minutes),
            "SECOND" => Some(Self::Seconds),
            _ => None,
        }
    }

    fn add(self, instant: PrimitiveDateTime, count: i64) -> Option<PrimitiveDateTime> {
        let by =
            |unit: Duration| instant.checked_add(unit.checked_mul(i32::try_from(count).ok()?)?);
        match self {
            Self::Years => add_months(instant, count.checked_mul(12)?),
            Self::Months => add_months(instant, count),
            Self::Weeks => by(Duration::WEEK),
            Self::Days => by(Duration::DAY),
            Self::Hours => by(Duration::HOUR),
            Self::Minutes => by(Duration::MINUTE),
            Self::Seconds => by(Duration::SECOND),
        }
    }
}

/// The same day of another month, or its last day when it is shorter.
fn add_months(instant: PrimitiveDateTime, count: i64) -> Option<PrimitiveDateTime> {
    let months = i64::from(instant.year()) * 12 + i64::from(u8::from(instant.month())) - 1 + count;
    let year = i32::try_from(months.div_euclid(12)).ok()?;
    let month = Month::try_from(u8::try_from(months.rem_euclid(12) + 1).ok()?).ok()?;
    let day = instant.day().min(month.length(year));
    Some(instant.replace_date(Date::from_calendar_date(year, month, day).ok()?))
}
