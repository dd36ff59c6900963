// What a dashboard of ours may be: Grafana's own types, its core panels alone, and annotations of InfluxDB.
// `npm install && npm run schema` in this folder makes core-dashboard.json of it.
import type * as d from './node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import type * as timeseries from './node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';
import type * as statetimeline from './node_modules/@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/types.gen';
import type * as statushistory from './node_modules/@grafana/schema/dist/types/raw/composable/statushistory/panelcfg/x/types.gen';
import type * as heatmap from './node_modules/@grafana/schema/dist/types/raw/composable/heatmap/panelcfg/x/types.gen';
import type * as bargauge from './node_modules/@grafana/schema/dist/types/raw/composable/bargauge/panelcfg/x/types.gen';
import type * as stat from './node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type * as table from './node_modules/@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen';

type Fields<C> = { defaults: Omit<d.FieldConfig, 'custom'> & { custom?: C }; overrides: d.FieldConfigSource['overrides'] };
type Core<T extends string, O, C> = Omit<d.Panel, 'type' | 'options' | 'fieldConfig'> & { type: T; options: O; fieldConfig: Fields<C> };

export type CorePanel =
  | Core<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | Core<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>
  | Core<'status-history', statushistory.Options, statushistory.FieldConfig>
  | Core<'heatmap', heatmap.Options, heatmap.FieldConfig>
  | Core<'bargauge', bargauge.Options, Record<string, never>>
  | Core<'stat', stat.Options, Record<string, never>>
  | Core<'table', table.Options, Partial<table.FieldConfig>>;

type InfluxAnnotation = Omit<d.AnnotationQuery, 'target'> & {
  target: { refId: string; fromAnnotations: true; query: string; textColumn?: string; tagsColumn?: string; titleColumn?: string; timeEndColumn?: string };
};

export type CoreDashboard = Omit<d.Dashboard, 'panels' | 'annotations'> & {
  panels: CorePanel[];
  annotations: { list: InfluxAnnotation[] };
};
