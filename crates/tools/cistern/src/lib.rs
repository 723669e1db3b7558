#![doc = include_str!("../README.md")]

pub mod cli;
pub mod stack;

mod http;
mod operator;
mod output;
mod plural;
mod progress;
mod prove;
mod queue;
mod shell;
mod table;
