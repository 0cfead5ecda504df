/** The page as `npm run build:page` makes it: `dist/dashboard-page.cjs`. */
declare module '#dashboard-page' {
  const page: {
    readonly shell: string;
    readonly assets: Readonly<Record<string, { readonly type: string; readonly hash: string; readonly body: string }>>;
  };
  export default page;
}
