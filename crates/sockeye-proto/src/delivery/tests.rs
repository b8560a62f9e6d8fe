mod crowd;
mod messages;
mod rules;
mod table;
