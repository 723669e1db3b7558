//! The row that is being read: how a value finds its column.

use event_model::{InstantReader, Timestamp};
use jiter::{Jiter, Peek};
use lake_schema::{Table, event_id};

use crate::{
    columns::{Column, Columns},
    convert::{
        clock::Clock,
        extra::Extra,
        fault::Fault,
        instant, json,
        shape::{Shape, Target},
        sources::Contests,
        template::{Field, FieldTarget},
    },
};

/// The rows read so far, and the row that is being read.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) columns: Columns,
    pub(super) extra: Extra,
    instants: InstantReader,
    pub(super) contests: Contests,
    /// The columns by which an event is known. Their ids may come as numbers.
    is_id: Vec<bool>,
    /// The values that went to columns, and those that no column is for.
    pub(super) fields: Vec<Field>,
    /// Whether an event of the same shape with other values is read the same way: no value went to `_extra` because of what it is.
    pub(super) is_typical: bool,
    /// The key that is being read, when the shape does not spell it the same.
    key: String,
}

/// Whether an object has keys.
#[derive(Clone, Copy)]
pub(super) enum KeyCount {
    None,
    Some,
}

impl Row {
    pub(super) fn new(table: &Table, clock: Clock) -> Self {
        Self {
            columns: Columns::new(table),
            extra: Extra::default(),
            instants: InstantReader::default(),
            contests: Contests::of(table, clock),
            is_id: (0..table.columns().len())
                .map(|column_index| table.event_id().contains(&column_index))
                .collect(),
            fields: Vec::new(),
            is_typical: true,
            key: String::new(),
        }
    }

    /// Reads an object into the row. Recursive for objects that contain columns.
    pub(super) fn read_object(
        &mut self,
        shape: &Shape,
        parser: &mut Jiter<'_>,
    ) -> Result<KeyCount, Fault> {
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
                    expected = found.index + 1;
                    own_key = (!found.is_folded).then(|| shape.key(found.index));
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
                        Target::Column {
                            column_index,
                            source,
                        } => {
                            let is_kept =
                                self.read_value((*column_index, *source), parser, peek)?;
                            if is_kept {
                                let (column_index, source) = (*column_index, *source);
                                self.fields.push(Field {
                                    target: FieldTarget::Column {
                                        column_index,
                                        source,
                                    },
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
                        target: FieldTarget::Extra {
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
    pub(super) fn take_fields(&mut self, event: &str) -> bool {
        for field in &self.fields {
            let value = &event[field.value.clone()];
            let column_index = match field.target {
                FieldTarget::Column { column_index, .. } => column_index,
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
            let is_taken = match (self.columns.vacant(column_index), text) {
                (Some(Column::Text(values)), Some(text))
                    if self.contests.is_text_sure(column_index, text)
                        && (event_id::is_text_id(text)
                            || self.is_id.get(column_index) != Some(&true)) =>
                {
                    values.push(text);
                    true
                }
                (Some(Column::Timestamp(values)), Some(text)) => self
                    .instants
                    .read(text)
                    .map(Timestamp::unix_millis)
                    .filter(|ms| self.contests.is_instant_sure(column_index, *ms))
                    .map(|ms| values.push(Some(ms)))
                    .is_some(),
                (Some(_), None) if value == "null" => true,
                (Some(Column::Text(values)), None)
                    if self.is_id.get(column_index) == Some(&true)
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
                    .filter(|ms| self.contests.is_instant_sure(column_index, *ms))
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
        (column_index, source): (usize, usize),
        parser: &mut Jiter<'_>,
        peek: Peek,
    ) -> Result<bool, Fault> {
        let is_contested = self.contests.has(column_index);
        let is_vacant = self.columns.vacant(column_index).is_some();
        if !is_vacant && !is_contested {
            return Ok(false);
        }
        if peek == Peek::Null {
            parser.known_null().map_err(json::fault)?;
            return Ok(true);
        }
        let Some(value) = self.parse_value(column_index, parser, peek)? else {
            return Ok(false);
        };
        let is_taken = !is_contested || {
            let is_sure = match value {
                Value::Text(text) => self.contests.is_text_sure(column_index, text),
                Value::Timestamp(ms) => self.contests.is_instant_sure(column_index, ms),
                Value::Bigint(_) | Value::Double(_) | Value::Boolean(_) => true,
            };
            self.is_typical &= is_sure;
            self.contests.offer(column_index, source, is_sure)
        };
        if is_taken && let Some(column) = self.columns.vacant(column_index) {
            value.push_to(column);
            return Ok(true);
        }
        Ok(false)
    }

    /// A value as its column holds it, `None` when it cannot.
    fn parse_value<'j>(
        &mut self,
        column_index: usize,
        parser: &'j mut Jiter<'_>,
        peek: Peek,
    ) -> Result<Option<Value<'j>>, Fault> {
        let is_id = self.is_id.get(column_index) == Some(&true);
        let Some(column) = self.columns.all().get(column_index) else {
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
