//! From one JSON object to one row.

use event_model::{InstantReader, Timestamp};
use jiter::{Jiter, Peek};
use lake_schema::{Table, event_id};

use super::{
    clock::{Clock, EventTime},
    extra::Extra,
    instant, json,
    records::{Fault, Reason},
    shape::{Shape, Target},
    sources::Contests,
    template::{Field, FieldTarget, Templates},
};
use crate::columns::{Column, Columns};

/// Reads objects into columns.
///
/// A key that leads to no column goes to `_extra` with its value, as does a value that its column cannot take, and all
/// but one of several values for one column. So nothing of an object is lost, and a column never holds what was not sent. Which
/// value a column gets that has several sources is said in [`Contests`].
#[derive(Debug)]
pub(crate) struct RowReader {
    shape: Shape,
    clock: Clock,
    event_time: usize,
    arrival: Option<usize>,
    /// The paths that lead to the event's time.
    time_paths: Vec<String>,
    templates: Templates,
    row: Row,
    /// The parser's memory for strings with escapes.
    tape: Vec<u8>,
}

/// The row that is being read, after those that were.
#[derive(Debug)]
struct Row {
    columns: Columns,
    extra: Extra,
    instants: InstantReader,
    contests: Contests,
    /// The columns by which an event is known. Their ids may come as numbers.
    is_id: Vec<bool>,
    /// The values that went to columns, and those that no column is for.
    fields: Vec<Field>,
    /// Whether any event that has other values in their places goes the same way: none went to `_extra` for what it is.
    is_typical: bool,
    /// The key that is being read, when the shape does not spell it the same.
    key: String,
}

impl RowReader {
    pub(crate) fn new(table: &Table, clock: Clock) -> Self {
        let event_time = table.event_time();
        Self {
            shape: Shape::of(table),
            arrival: table.arrival(),
            time_paths: table.columns()[event_time].from.clone(),
            event_time,
            templates: Templates::default(),
            row: Row {
                columns: Columns::new(table),
                extra: Extra::default(),
                instants: InstantReader::default(),
                contests: Contests::of(table, clock.clone()),
                is_id: (0..table.columns().len())
                    .map(|place| table.event_id().contains(&place))
                    .collect(),
                fields: Vec::new(),
                is_typical: true,
                key: String::new(),
            },
            tape: Vec::new(),
            clock,
        }
    }

    /// The rows read so far.
    pub(crate) fn columns(&self) -> &Columns {
        &self.row.columns
    }

    /// Forgets the rows read so far.
    pub(crate) fn clear(&mut self) {
        self.row.columns.clear();
    }

    /// Reads the object at the start of `tail` into a row, and returns the object's length.
    pub(crate) fn read(&mut self, tail: &[u8]) -> Result<usize, Fault> {
        self.row.extra.clear();
        if let Some(len) = self.templates.find(tail, &mut self.row.fields) {
            if std::str::from_utf8(&tail[..len]).is_ok_and(|event| self.row.take_fields(event)) {
                self.finish_row(tail);
                return Ok(len);
            }
            self.row.columns.take_back_row();
            self.row.extra.clear();
        }
        let len = self.read_any(tail)?;
        self.finish_row(tail);
        Ok(len)
    }

    fn read_any(&mut self, tail: &[u8]) -> Result<usize, Fault> {
        self.row.is_typical = true;
        self.row.contests.begin();
        let (mut result, mut len) = self.parse(tail);
        if result.is_ok() && self.row.contests.decide() {
            self.row.columns.take_back_row();
            self.row.extra.clear();
            self.row.is_typical = false;
            (result, len) = self.parse(tail);
        }
        match result {
            // All it has is objects without members, as a webhook's ping.
            Ok(KeyCount::Some) if self.row.fields.is_empty() && self.row.extra.is_empty() => {
                Err(Fault::Useless {
                    len,
                    reason: Reason::EmptyObject,
                    detail: "an object without values",
                })
            }
            Ok(KeyCount::Some) => {
                if self.row.is_typical {
                    self.templates.learn(&tail[..len], &self.row.fields);
                }
                Ok(len)
            }
            Ok(KeyCount::None) => Err(Fault::Useless {
                len,
                reason: Reason::EmptyObject,
                detail: "an object without keys",
            }),
            Err(fault) => {
                self.row.columns.take_back_row();
                Err(fault)
            }
        }
    }

    fn parse(&mut self, tail: &[u8]) -> (Result<KeyCount, Fault>, usize) {
        let mut parser = Jiter::with_tape(tail, std::mem::take(&mut self.tape));
        self.row.fields.clear();
        let result = self.row.read_object(&self.shape, &mut parser);
        let len = parser.current_index();
        self.tape = parser.into_tape();
        (result, len)
    }

    fn finish_row(&mut self, tail: &[u8]) {
        let row = &mut self.row;
        let received = self
            .arrival
            .and_then(|place| row.columns.unfinished_instant(place));
        let sent = row.columns.unfinished_instant(self.event_time);
        let (time, is_clamped) = match self.clock.judge(sent, received) {
            EventTime::Sent(time) => (time, false),
            EventTime::Arrival(time) => (time, true),
        };
        if is_clamped
            && sent.is_some()
            && let Some((source, value)) = row.fields.iter().find_map(|field| match field.home {
                FieldTarget::Column { place, source }
                    if place == self.event_time && tail[field.value.clone()] != *b"null" =>
                {
                    Some((source, field.value.clone()))
                }
                FieldTarget::Column { .. } | FieldTarget::Extra { .. } => None,
            })
        {
            let value = std::str::from_utf8(&tail[value]).expect("a time was read from it");
            row.extra.add(&self.time_paths[source], value);
        }
        row.columns.finish_row(row.extra.finish(), time, is_clamped);
    }
}

#[derive(Clone, Copy)]
enum KeyCount {
    None,
    Some,
}

impl Row {
    fn read_object(&mut self, shape: &Shape, parser: &mut Jiter<'_>) -> Result<KeyCount, Fault> {
        let mut key_count = KeyCount::None;
        let mut expected = 0;
        let mut next = parser.next_object_bytes();
        while let Some(key) = next.map_err(json::fault)? {
            key_count = KeyCount::Some;
            let found = shape.find(key, expected);
            if found.as_ref().is_none_or(|found| found.is_folded) {
                self.key.clear();
                self.key.push_str(to_str(key, 0)?);
            }
            let peek = parser.peek().map_err(json::fault)?;
            let start = parser.current_index();
            let mut own_key = None;
            let is_kept = match &found {
                None => false,
                Some(found) => {
                    expected = found.place + 1;
                    own_key = (!found.is_folded).then(|| shape.key(found.place));
                    let key = own_key.unwrap_or(&self.key);
                    match found.target {
                        Target::Inside(inner) if peek == Peek::Object => {
                            self.extra.enter(key);
                            self.read_object(inner, parser)?;
                            self.extra.leave();
                            true
                        }
                        // All that an absent object would have told is NULL already.
                        Target::Inside(_) if peek == Peek::Null => {
                            parser.known_null().map_err(json::fault).map(|()| true)?
                        }
                        Target::Inside(_) => false,
                        Target::Column { place, source } => {
                            let is_kept = self.read_value((*place, *source), parser, peek)?;
                            if is_kept {
                                let (place, source) = (*place, *source);
                                self.fields.push(Field {
                                    home: FieldTarget::Column { place, source },
                                    value: start..parser.current_index(),
                                });
                            }
                            is_kept
                        }
                    }
                }
            };
            if !is_kept {
                if parser.current_index() == start {
                    parser.known_skip(peek).map_err(json::fault)?;
                }
                let value = to_str(parser.slice_to_current(start), start)?;
                self.extra.add(own_key.unwrap_or(&self.key), value);
                if found.is_none() && self.extra.is_outermost() {
                    self.fields.push(Field {
                        home: FieldTarget::Extra {
                            key_len: self.key.len(),
                            key_back: key_back(parser.slice_to_current(0), start, self.key.len()),
                        },
                        value: start..parser.current_index(),
                    });
                } else {
                    self.is_typical = false;
                }
            }
            next = parser.next_key_bytes();
        }
        Ok(key_count)
    }

    /// Puts the values of `fields` into their columns. False when one of them is not what its column takes as it is; the
    /// row is then to be taken back.
    fn take_fields(&mut self, event: &str) -> bool {
        for field in &self.fields {
            let value = &event[field.value.clone()];
            let place = match field.home {
                FieldTarget::Column { place, .. } => place,
                FieldTarget::Extra { key_len, key_back } => {
                    let key_start = field.value.start - key_back;
                    let key = &event[key_start..key_start + key_len];
                    self.extra.add(key, value);
                    continue;
                }
            };
            let text = value
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'));
            let is_taken = match (self.columns.vacant(place), text) {
                (Some(Column::Text(values)), Some(text))
                    if self.contests.is_text_sure(place, text)
                        && (event_id::is_text_id(text) || self.is_id.get(place) != Some(&true)) =>
                {
                    values.push(text);
                    true
                }
                (Some(Column::Timestamp(values)), Some(text)) => self
                    .instants
                    .read(text)
                    .map(Timestamp::unix_millis)
                    .filter(|ms| self.contests.is_instant_sure(place, *ms))
                    .map(|ms| values.push(Some(ms)))
                    .is_some(),
                (Some(_), None) if value == "null" => true,
                (Some(Column::Text(values)), None)
                    if self.is_id.get(place) == Some(&true)
                        && json::is_number(value.as_bytes())
                        && event_id::is_number_id(value) =>
                {
                    values.push(value);
                    true
                }
                (Some(Column::Boolean(values)), None) => value
                    .parse()
                    .map(|boolean| values.push(Some(boolean)))
                    .is_ok(),
                (Some(Column::Bigint(values)), None) => json::whole_number(value.as_bytes())
                    .map(|number| values.push(Some(number)))
                    .is_some(),
                (Some(Column::Double(values)), None) => json::number(value.as_bytes())
                    .map(|number| values.push(Some(number)))
                    .is_some(),
                (Some(Column::Timestamp(values)), None) => json::number(value.as_bytes())
                    .and_then(instant::from_number)
                    .filter(|ms| self.contests.is_instant_sure(place, *ms))
                    .map(|ms| values.push(Some(ms)))
                    .is_some(),
                _ => false,
            };
            if !is_taken {
                return false;
            }
        }
        true
    }

    /// Reads a value into its column. False when the column cannot take it: it has one already, or is to have another, or it is
    /// of another type. NULL says nothing, and leaves the column to the next value.
    fn read_value(
        &mut self,
        (place, source): (usize, usize),
        parser: &mut Jiter<'_>,
        peek: Peek,
    ) -> Result<bool, Fault> {
        let is_contested = self.contests.has(place);
        let is_vacant = self.columns.vacant(place).is_some();
        if !is_vacant && !is_contested {
            return Ok(false);
        }
        if peek == Peek::Null {
            parser.known_null().map_err(json::fault)?;
            return Ok(true);
        }
        let Some(value) = self.parse_value(place, parser, peek)? else {
            return Ok(false);
        };
        let is_taken = !is_contested || {
            let is_sure = match value {
                Value::Text(text) => self.contests.is_text_sure(place, text),
                Value::Timestamp(ms) => self.contests.is_instant_sure(place, ms),
                Value::Bigint(_) | Value::Double(_) | Value::Boolean(_) => true,
            };
            self.is_typical &= is_sure;
            self.contests.offer(place, source, is_sure)
        };
        if is_taken && let Some(column) = self.columns.vacant(place) {
            value.push_to(column);
            return Ok(true);
        }
        Ok(false)
    }

    /// A value as its column holds it, `None` when it cannot.
    fn parse_value<'j>(
        &mut self,
        place: usize,
        parser: &'j mut Jiter<'_>,
        peek: Peek,
    ) -> Result<Option<Value<'j>>, Fault> {
        let is_id = self.is_id.get(place) == Some(&true);
        let Some(column) = self.columns.all().get(place) else {
            return Ok(None);
        };
        Ok(match column {
            Column::Text(_) if peek == Peek::String => {
                let text = parser.known_str().map_err(json::fault)?;
                (!is_id || event_id::is_text_id(text)).then_some(Value::Text(text))
            }
            Column::Text(_) if is_id && peek.is_num() => {
                let digits = parser.known_number_bytes(peek).map_err(json::fault)?;
                let digits = std::str::from_utf8(digits).ok();
                digits
                    .filter(|digits| event_id::is_number_id(digits))
                    .map(Value::Text)
            }
            Column::Bigint(_) if peek.is_num() => {
                let digits = parser.known_number_bytes(peek).map_err(json::fault)?;
                json::to_whole(digits).map(Value::Bigint)
            }
            Column::Double(_) if peek.is_num() => {
                let number = parser.known_float(peek).ok();
                number
                    .filter(|number| number.is_finite())
                    .map(Value::Double)
            }
            Column::Boolean(_) if matches!(peek, Peek::True | Peek::False) => Some(Value::Boolean(
                parser.known_bool(peek).map_err(json::fault)?,
            )),
            Column::Timestamp(_) if peek == Peek::String => {
                let text = parser.known_str().map_err(json::fault)?;
                let instant = self.instants.read(text);
                instant.map(|instant| Value::Timestamp(instant.unix_millis()))
            }
            Column::Timestamp(_) if peek.is_num() => {
                let number = parser.known_float(peek).ok();
                number.and_then(instant::from_number).map(Value::Timestamp)
            }
            Column::Text(_)
            | Column::Bigint(_)
            | Column::Double(_)
            | Column::Boolean(_)
            | Column::Timestamp(_) => None,
        })
    }
}

/// A value on its way into a column.
#[derive(Clone, Copy)]
enum Value<'j> {
    Text(&'j str),
    Bigint(i64),
    Double(f64),
    Boolean(bool),
    /// Milliseconds since the epoch.
    Timestamp(i64),
}

impl Value<'_> {
    fn push_to(self, column: &mut Column) {
        match (column, self) {
            (Column::Text(values), Self::Text(text)) => values.push(text),
            (Column::Bigint(values), Self::Bigint(number)) => values.push(Some(number)),
            (Column::Double(values), Self::Double(number)) => values.push(Some(number)),
            (Column::Boolean(values), Self::Boolean(value)) => values.push(Some(value)),
            (Column::Timestamp(values), Self::Timestamp(ms)) => values.push(Some(ms)),
            _ => unreachable!("a value is read as its column's type"),
        }
    }
}

/// How many bytes before a value at `start` its key begins. Nothing but a quote, white space and a colon is between them.
fn key_back(event: &[u8], start: usize, key_len: usize) -> usize {
    let quote = event[..start].iter().rposition(|byte| *byte == b'"');
    start - quote.unwrap_or(start) + key_len
}

fn to_str(bytes: &[u8], start: usize) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|error| json::not_utf8(start + error.valid_up_to()))
}
