"""Reference entities: what the estate and its business know of clients, people, sites, assets and devices.

Belongs here: every entity with its key, its attributes and its foreign keys.
Does not: the tables that keep account of their files (`entity_tables`), how a file is read (`canonical.entities`) or
when (`assets.silver.entities`).

Each entity is one Silver table. A row is one *version*: what was true of one key from `valid_from` until just before
`valid_to`. An event log has no versions: a line is written once.
"""

from __future__ import annotations

from dataclasses import dataclass

from quality.contracts.model import Column, Table, Type

FILE = (
    Column(name="feed", type="string", says="Folder below the landing folder that the file was put in."),
    Column(name="path", type="string", says="The file's path below its feed."),
    Column(name="content_hash", type="string", says="SHA-256 of the file's bytes, hexadecimal."),
)
FILE_NAMES = tuple(column.name for column in FILE)
ROW_NUMBER = Column(
    name="row_number",
    type="long",
    says="Row of the file or sheet as a spreadsheet numbers it, from 1; 0 where the file as a whole is meant.",
)
ENTITY_MAPPING = Column(name="mapping_id", type="string", says="Entity mapping spec that read the file.")
SPEC_DIGEST = Column(
    name="digest", type="string", says="Hash of the mapping spec as it was, with the decoder's version."
)

SOURCE = (*FILE, ROW_NUMBER, ENTITY_MAPPING, SPEC_DIGEST)
HISTORY = (
    Column(name="valid_from", type="timestamp", says="From when this version holds."),
    Column(
        name="valid_to",
        type="timestamp",
        says="When the next version begins or the key ceased to be; null while it holds.",
        null=True,
    ),
    Column(name="is_current", type="boolean", says="Whether it still holds: valid_to is null."),
    Column(name="attribute_hash", type="string", says="Hash of the attributes: another one is another version."),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignKey:
    """`column` names a row of `parent` by its key; null names none."""

    column: str
    parent: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """One entity: its key names one thing, its attributes say what is known of it."""

    name: str
    says: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    history: bool = True
    """False for lines that are written once and never change."""
    wording: tuple[str, ...] = ()
    """Attributes that are words as somebody wrote them: other words for the same are no new version."""

    def __post_init__(self) -> None:
        """Refuse a contract that contradicts itself, at import, where the author sees it."""
        names = [column.name for column in self.columns]
        named = (*self.key, *(foreign.column for foreign in self.foreign_keys), *self.wording)
        unknown = [name for name in named if name not in names]
        if unknown:
            raise ValueError(f"entity {self.name!r}: {unknown} are named in keys but are no columns")

    @property
    def attributes(self) -> tuple[Column, ...]:
        """Columns whose change makes another version."""
        return tuple(column for column in self.columns if column.name not in {*self.key, *self.wording})

    @property
    def table(self) -> Table:
        """Its Silver table."""
        kept = HISTORY if self.history else HISTORY[:1] + HISTORY[3:]
        return Table(
            layer="silver",
            name=self.name,
            says=self.says,
            columns=(*self.columns, *kept, *SOURCE),
            key=(*self.key, "valid_from") if self.history else self.key,
        )


def _is(name: str, type_: Type, says: str, unit: str | None = None) -> Column:
    return Column(name=name, type=type_, says=says, unit=unit)


def _may(name: str, type_: Type, says: str, unit: str | None = None) -> Column:
    return Column(name=name, type=type_, says=says, unit=unit, null=True)


CLIENT = Entity(
    name="client",
    says="An organisation that work is done for, as the CRM knows it.",
    key=("client_id",),
    columns=(
        _is("client_id", "string", "Number in the CRM."),
        _is("name", "string", "Name of the organisation."),
        _may("sector", "string", "Line of business."),
        _may("country", "string", "Country of its seat, ISO 3166-1 alpha-2."),
        _may("status", "string", "`prospect`, `active` or `former`."),
    ),
)

EMPLOYEE = Entity(
    name="employee",
    says="A person employed, as the HR system knows them.",
    key=("employee_id",),
    columns=(
        _is("employee_id", "string", "Number in the HR system."),
        _is("name", "string", "Name of the person."),
        _may("job_title", "string", "What they are employed as."),
        _may("department", "string", "Where they work."),
        _may("employment_type", "string", "`full_time`, `part_time` or `contractor`."),
        _is("hired_on", "date", "First day of employment."),
        _may("left_on", "date", "Last day of employment; null while employed."),
    ),
)

SERVICE_OFFERING = Entity(
    name="service_offering",
    says="A service that clients can buy, as the ERP lists it.",
    key=("service_offering_id",),
    columns=(
        _is("service_offering_id", "string", "Number in the ERP."),
        _is("name", "string", "Name of the service."),
        _may("category", "string", "Group of services."),
        _is("unit_price", "double", "Price of one unit, in `currency`."),
        _is("currency", "string", "ISO 4217 code."),
        _may("billing_unit", "string", "`hour`, `day`, `month` or `fixed`."),
    ),
)

ENGAGEMENT = Entity(
    name="engagement",
    says="A piece of work for a client, with what it was to cost and what it brings.",
    key=("engagement_id",),
    columns=(
        _is("engagement_id", "string", "Number in the CRM."),
        _is("client_id", "string", "Who it is for."),
        _may("service_offering_id", "string", "What was sold."),
        _may("lead_employee_id", "string", "Who leads it."),
        _is("name", "string", "What it is called."),
        _may("status", "string", "`planned`, `active`, `completed` or `cancelled`."),
        _is("started_on", "date", "First day."),
        _may("ended_on", "date", "Last day; null while it goes on."),
        _may("budget", "double", "What it may cost, in `currency`."),
        _may("actual_cost", "double", "What it has cost so far, in `currency`."),
        _may("revenue", "double", "What it has brought so far, in `currency`."),
        _may("currency", "string", "ISO 4217 code of the amounts."),
    ),
    foreign_keys=(
        ForeignKey(column="client_id", parent="client"),
        ForeignKey(column="service_offering_id", parent="service_offering"),
        ForeignKey(column="lead_employee_id", parent="employee"),
    ),
)

TRUST = Entity(
    name="trust",
    says="An organisation that runs sites, as estate returns name it.",
    key=("organisation_code",),
    columns=(
        _is("organisation_code", "string", "Code of the organisation."),
        _is("name", "string", "Name of the organisation."),
        _may("region", "string", "Region that commissions it, as reported."),
        _may("organisation_type", "string", "Kind of organisation, in our words; null where the word is not known."),
        _may("organisation_type_reported", "string", "Kind of organisation, as reported."),
    ),
    wording=("organisation_type_reported",),
)

SITE = Entity(
    name="site",
    says="A place of an organisation; the code alone is no key, since `AGGRE` is used by many.",
    key=("site_id",),
    columns=(
        _is("site_id", "string", "`<organisation code>/<site code>`."),
        _is("organisation_code", "string", "Organisation that runs it."),
        _is("site_code", "string", "Its code within the organisation."),
        _is("name", "string", "Name of the site."),
        _may("site_type", "string", "Kind of site, in our words; null where the word is not known."),
        _may("site_type_reported", "string", "Kind of site, as reported."),
        _is("is_aggregate", "boolean", "Whether it stands for all small sites of the organisation together."),
        _may("time_zone", "string", "IANA time zone that its clocks show, such as `Europe/London`."),
    ),
    foreign_keys=(ForeignKey(column="organisation_code", parent="trust"),),
    wording=("site_type_reported",),
)


def _measures(*listed: tuple[str, str, str | None]) -> tuple[Column, ...]:
    return tuple(_may(name, "double", says, unit) for name, says, unit in listed)


SITE_RETURN = Entity(
    name="site_return",
    says="What a site reported for one year: areas, energy, water, costs.",
    key=("site_id", "return_year"),
    columns=(
        _is("site_id", "string", "The site."),
        _is("organisation_code", "string", "Organisation that runs it."),
        _is("site_code", "string", "Its code within the organisation."),
        _is("return_year", "long", "Year in which the reported year began."),
        *_measures(
            ("gross_internal_floor_area", "Floor area within the outer walls.", "m**2"),
            ("occupied_floor_area", "Floor area in use.", "m**2"),
            ("heated_volume", "Volume that is heated.", "m**3"),
            ("building_footprint", "Ground that buildings cover.", "m**2"),
            ("land_area", "Land of the site.", "hectare"),
            ("single_bedrooms_en_suite", "Single bedrooms for patients with en-suite facilities.", None),
            ("single_bedrooms_without_en_suite", "Single bedrooms for patients without en-suite facilities.", None),
            ("backlog_high_risk_cost", "Cost to eradicate high risk backlog, GBP.", None),
            ("backlog_significant_risk_cost", "Cost to eradicate significant risk backlog, GBP.", None),
            ("backlog_moderate_risk_cost", "Cost to eradicate moderate risk backlog, GBP.", None),
            ("backlog_low_risk_cost", "Cost to eradicate low risk backlog, GBP.", None),
            ("energy_cost", "Cost of all energy, GBP.", None),
            ("electricity_consumed", "Electricity from the grid.", "kWh"),
            ("gas_consumed", "Gas.", "kWh"),
            ("oil_consumed", "Oil.", "kWh"),
            ("coal_consumed", "Coal.", "kWh"),
            ("steam_consumed", "Steam from elsewhere.", "kWh"),
            ("hot_water_consumed", "Hot water from elsewhere.", "kWh"),
            ("renewable_electricity_consumed", "Electricity from renewable sources.", "kWh"),
            ("exported_electricity", "Electricity given to others.", "kWh"),
            ("water_volume", "Water, boreholes included.", "m**3"),
            ("water_and_sewage_cost", "Cost of water and sewage where reported as one, GBP.", None),
            ("water_cost", "Cost of water where reported alone, GBP.", None),
            ("sewage_cost", "Cost of sewage where reported alone, GBP.", None),
            ("parking_spaces", "Parking spaces.", None),
            ("cleaning_cost", "Cost of cleaning, GBP.", None),
        ),
    ),
    foreign_keys=(ForeignKey(column="site_id", parent="site"),),
)

TRUST_RETURN = Entity(
    name="trust_return",
    says="What an organisation reported for one year: contracted services, investment, fires.",
    key=("organisation_code", "return_year"),
    columns=(
        _is("organisation_code", "string", "The organisation."),
        _is("return_year", "long", "Year in which the reported year began."),
        *_measures(
            ("contracted_out_value", "Value of services contracted out, GBP.", None),
            ("contracted_out_share", "Share of estates and hotel services contracted out.", "percent"),
            ("investment_new_build", "Capital investment for new build, GBP.", None),
            ("investment_existing_buildings", "Capital investment for improving existing buildings, GBP.", None),
            ("investment_equipment", "Capital investment for equipment, GBP.", None),
            ("investment_backlog", "Investment to reduce backlog maintenance, GBP.", None),
            ("fires", "Fires recorded.", None),
            ("false_alarms", "False alarms.", None),
            ("fire_deaths", "Deaths resulting from fires.", None),
            ("fire_injuries", "People injured resulting from fires.", None),
        ),
    ),
    foreign_keys=(ForeignKey(column="organisation_code", parent="trust"),),
)

ASSET = Entity(
    name="asset",
    says="A thing of value that is kept and serviced, as the ERP lists it.",
    key=("asset_id",),
    columns=(
        _is("asset_id", "string", "Number in the ERP."),
        _may("site_id", "string", "Where it stands."),
        _is("name", "string", "What it is called."),
        _may("asset_type", "string", "Kind of asset."),
        _may("manufacturer", "string", "Who made it."),
        _may("model", "string", "Model of the maker."),
        _may("installed_on", "date", "When it was put in."),
        _may("status", "string", "`planned`, `in_service` or `retired`."),
    ),
    foreign_keys=(ForeignKey(column="site_id", parent="site"),),
)

IOT_DEVICE = Entity(
    name="iot_device",
    says="A device that measures, as the device register knows it.",
    key=("device_id",),
    columns=(
        _is("device_id", "string", "`<source>:<native id>`, as readings name it."),
        _is("source", "string", "Register or mapping that names the device."),
        _is("native_id", "string", "Its id within the source, such as a DevEUI."),
        _may("asset_id", "string", "What it is mounted on or measures."),
        _may("site_id", "string", "Where it is."),
        _may("model", "string", "Maker and model."),
        _may("location", "string", "Room or place within the site, as written in the register."),
        _may("floor", "string", "Storey, as written in the register."),
        _may("latitude", "double", "WGS 84, north of the equator.", "deg"),
        _may("longitude", "double", "WGS 84, east of Greenwich.", "deg"),
        _may("status", "string", "`planned`, `installed`, `removed` or `lost`."),
        _may("installed_on", "date", "When it was put in."),
        _is("expected_to_report", "boolean", "Whether silence of it is a fault; a planned device is silent by right."),
        _may("interval_s", "double", "Seconds between two messages that it is to send.", "s"),
    ),
    foreign_keys=(ForeignKey(column="asset_id", parent="asset"), ForeignKey(column="site_id", parent="site")),
)

DIGITAL_TWIN = Entity(
    name="digital_twin",
    says="The image of an asset in software, and the device that feeds it.",
    key=("twin_id",),
    columns=(
        _is("twin_id", "string", "Id of the twin."),
        _is("asset_id", "string", "The asset it is the image of."),
        _may("device_id", "string", "The device that feeds it."),
        _may("model", "string", "Model it follows, such as a DTDL id."),
        _may("status", "string", "`draft`, `active` or `retired`."),
    ),
    foreign_keys=(
        ForeignKey(column="asset_id", parent="asset"),
        ForeignKey(column="device_id", parent="iot_device"),
    ),
)

PERFORMANCE_METRIC = Entity(
    name="performance_metric",
    says="A figure by which an engagement or a twin is judged, on one day.",
    key=("performance_metric_id",),
    columns=(
        _is("performance_metric_id", "string", "Id of the figure."),
        _may("engagement_id", "string", "The engagement it judges."),
        _may("twin_id", "string", "The twin it judges."),
        _is("metric", "string", "What is measured."),
        _is("value", "double", "The figure, in `unit`."),
        _may("unit", "string", "Unit of the figure."),
        _is("measured_on", "date", "The day it is of."),
    ),
    foreign_keys=(
        ForeignKey(column="engagement_id", parent="engagement"),
        ForeignKey(column="twin_id", parent="digital_twin"),
    ),
)

EVENT_LOG = Entity(
    name="event_log",
    says="One line of a log of the business systems; written once.",
    key=("event_id",),
    columns=(
        _is("event_id", "string", "Id of the line."),
        _is("occurred_at", "timestamp", "When it happened."),
        _is("source", "string", "System that wrote it."),
        _is("event_type", "string", "What happened."),
        _may("severity", "string", "`debug`, `info`, `warning`, `error` or `critical`."),
        _may("twin_id", "string", "The twin it concerns."),
        _may("engagement_id", "string", "The engagement it concerns."),
        _may("message", "string", "The words."),
    ),
    foreign_keys=(
        ForeignKey(column="twin_id", parent="digital_twin"),
        ForeignKey(column="engagement_id", parent="engagement"),
    ),
    history=False,
)

ENTITIES: tuple[Entity, ...] = (
    TRUST, SITE, SITE_RETURN, TRUST_RETURN, CLIENT, EMPLOYEE, SERVICE_OFFERING, ENGAGEMENT, ASSET, IOT_DEVICE,
    DIGITAL_TWIN, PERFORMANCE_METRIC, EVENT_LOG,
)  # fmt: skip
"""Every entity, parents before children."""
ENTITY_BY_NAME: dict[str, Entity] = {entity.name: entity for entity in ENTITIES}
